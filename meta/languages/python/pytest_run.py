"""One run of a repository's tests in the sandbox, reported test by test. Grader, admission and miner share it."""

from __future__ import annotations

import compileall
import contextlib
import json
import os
import secrets
import selectors
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

from meta.languages.python.bait import Bait
from meta.languages.python.report_pipe import ReportPipe
from meta.languages.test_run import DETERMINISTIC_VARIABLES, TestReport, TestRun
from worker_agent.records import Environment
from worker_agent.sandbox.job import Mount, Sandbox, SandboxJob, SandboxLimits
from worker_agent.sandbox.process import kill_job, start_job

INSIDE_FOLDER = Path(__file__).with_name("inside")
"""What runs inside; mounted read-only where it lies."""

PYTEST_OPTIONS = (
    "-q",
    "--tb=short",
    "--color=no",
    "--maxfail=0",  # the twins fail on purpose, and a project's own -x would end the run there
    "--continue-on-collection-errors",
    "-pno:randomly",
)
"""Added to the project's own options, after them."""

_NEEDS_CACHE = ("--ff", "--lf", "--nf", "--sw", "--failed-first", "--last-failed", "--new-first", "--stepwise")


def run_pytest(
    workspace: Path,
    files: Sequence[str],
    *,
    environment: Environment,
    sandbox: Sandbox,
    wanted: Iterable[str] | None = None,
    seconds: float = 300.0,
    test_seconds: float = 60.0,
    watch: Bait | None = None,
    hangs: int | None = None,
    reverse: bool = False,
    collect_only: bool = False,
    limits: SandboxLimits | None = None,
    on_test: Callable[[TestReport], None] | None = None,
) -> TestRun:
    """Run pytest on `files` (relative to the workspace) in one process and keep the tests whose ids are `wanted`.

    `None` keeps all. `seconds` limits the whole run, `test_seconds` one test, and after so many `hangs` the run is
    given up, for whoever only wants to know whether all pass. Outcomes come over a pipe of their own as they happen,
    never from the exit code or from what is printed.
    """
    watch = watch or Bait()
    key = secrets.token_bytes(32)
    reports = ReportPipe(key, on_test)
    inside = sandbox.workspace_path(workspace)
    read, write, named = _pipe(sandbox)
    orders = {
        "fd": f"{_NAMED}/pipe" if named else write,
        "key": key.hex(),
        "args": [*_options(workspace), f"--rootdir={inside}", *(f for f in files if (workspace / f).exists())],
        "wanted": None if wanted is None else list(wanted),
        "twins": dict(watch.twins),
        "sentinels": dict(watch.sentinels),
        "mutants": list(watch.mutants),
        "alarms": list(watch.alarms),
        "seconds": test_seconds,
        "reverse": reverse,
        "collect": collect_only,
    }
    job = SandboxJob(
        argv=["python", str(INSIDE_FOLDER / "main.py")],
        workspace=workspace,
        mounts=[
            *(Mount(p) for p in environment.mounts),
            Mount(_compiled()),
            *([Mount(named, _NAMED, writable=True)] if named else []),
        ],
        variables={**DETERMINISTIC_VARIABLES, **environment.variables},
        path=environment.path,
        limits=replace(limits or SandboxLimits(), seconds=seconds),
        pass_fds=() if named else (write,),
    )
    begun = time.monotonic()
    try:
        process = start_job(sandbox, job, stdin=subprocess.PIPE)
    except BaseException:
        os.close(read)
        raise
    finally:
        if not named:
            os.close(write)
    try:
        output, timed_out = _listen(process, json.dumps(orders).encode(), read, reports, begun + seconds, hangs)
    finally:
        kill_job(process)
        os.close(read)
        if named:
            os.close(write)
            shutil.rmtree(named, ignore_errors=True)
    return TestRun(
        tests=tuple(reports.tests),
        started=reports.started,
        finished=reports.finished,
        timed_out=timed_out,
        running=reports.running,
        broken=reports.broken,
        collected=reports.collected_ids,
        twinned=reports.twinned,
        mutants=reports.mutants,
        patched=reports.patched,
        forged=reports.forged,
        output=output,
        seconds=time.monotonic() - begun,
    )


@lru_cache(maxsize=1)
def _compiled() -> Path:
    """What runs inside, with its bytecode for interpreters like this one: compiling takes as long as many a test."""
    with contextlib.suppress(OSError):
        compileall.compile_dir(INSIDE_FOLDER, quiet=2)
    return INSIDE_FOLDER


_NAMED = "/report"


def _pipe(sandbox: Sandbox) -> tuple[int, int, Path | None]:
    """Both ends of a pipe for the reports, and its folder where it needs a name to be found inside.

    Everything inside could open it by that name; the reports' MAC is what tells them from forgeries.
    """
    if sandbox.passes_descriptors:
        return *os.pipe(), None
    folder = Path(tempfile.mkdtemp(prefix="report-"))
    os.mkfifo(folder / "pipe")
    return os.open(folder / "pipe", os.O_RDONLY | os.O_NONBLOCK), os.open(folder / "pipe", os.O_WRONLY), folder


def _options(workspace: Path) -> list[str]:
    configured = ""
    for name in ("pytest.ini", "tox.ini", "setup.cfg", "pyproject.toml"):
        with contextlib.suppress(OSError):
            configured += (workspace / name).read_text(errors="replace")
    # Without the cache plugin these options of the project's would be unknown, and nothing would run.
    needs_cache = any(option in configured for option in _NEEDS_CACHE)
    return [*PYTEST_OPTIONS, *(["-ocache_dir=/tmp/.pytest-cache"] if needs_cache else ["-pno:cacheprovider"])]


def _listen(
    process: subprocess.Popen[bytes], orders: bytes, pipe: int, reports: ReportPipe, deadline: float, hangs: int | None
) -> tuple[str, bool]:
    """Hand over the orders, then read until the process or the time ends. Returns the output's tail, and if time ended.

    The orders go through a pipe, not a file: what was read from a pipe is gone, but a file can be opened again under
    `/proc/1/fd` by whatever runs inside.
    """
    assert process.stdin is not None
    assert process.stdout is not None
    stdin, stdout, tail = process.stdin.fileno(), process.stdout.fileno(), bytearray()
    os.set_blocking(stdin, False)
    with selectors.DefaultSelector() as selector:
        selector.register(stdin, selectors.EVENT_WRITE)
        selector.register(stdout, selectors.EVENT_READ)
        selector.register(pipe, selectors.EVENT_READ)
        open_ends = {stdout, pipe}
        while open_ends:
            left = deadline - time.monotonic()
            if left <= 0:
                return _text(tail), True
            events = selector.select(min(left, 0.2))
            for event, _ in events:
                if event.fd == stdin:
                    with contextlib.suppress(BlockingIOError):
                        orders = orders[_write(stdin, orders) :]
                    if not orders:
                        selector.unregister(stdin)
                        process.stdin.close()
                    continue
                chunk = os.read(event.fd, 1 << 16)
                if not chunk:
                    selector.unregister(event.fd)
                    open_ends.discard(event.fd)
                elif event.fd == pipe:
                    reports.feed(chunk)
                    if hangs is not None and reports.hangs >= hangs:
                        return _text(tail), True
                else:
                    tail += chunk
                    del tail[:-100_000]
            # A process that the tests left behind may hold the pipes open after the run has ended.
            if not events and process.poll() is not None:
                break
    # Nothing can be heard of it any more, and waiting with a time limit would mean to look again and again.
    return _text(tail), False


def _write(fd: int, data: bytes) -> int:
    try:
        return os.write(fd, data[: 1 << 16])
    except BrokenPipeError:
        return len(data)


def _text(tail: bytearray) -> str:
    return bytes(tail).decode("utf-8", "replace")
