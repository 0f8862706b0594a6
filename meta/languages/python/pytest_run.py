"""Runs pytest once in the sandbox, and reports test by test."""

from __future__ import annotations

import compileall
import contextlib
import json
import secrets
import subprocess
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from threading import Event

from meta.environments.workshop import Bench
from meta.languages.python.alteration.altered_files import draw_alterations
from meta.languages.python.bait import Bait, lay_bait
from meta.languages.python.report_channel import ReportChannel, RunListener, open_report_channel
from meta.languages.python.report_pipe import ReportPipe
from meta.languages.test_run import (
    DETERMINISTIC_VARIABLES,
    Alterations,
    AlteredRun,
    RunOptions,
    TestReport,
    TestRun,
)
from meta.records.ticket import Grader
from worker_agent.foreign_tree import temporary_folder, write_file
from worker_agent.sandbox.job import Mount, Sandbox, SandboxJob, SandboxLimits
from worker_agent.sandbox.process import kill_job, start_job
from worker_agent.workspace import copy_tree

INSIDE_FOLDER = Path(__file__).with_name("inside")
"""The code that runs inside the sandbox, mounted read-only at the same path."""

PYTEST_OPTIONS = (
    "-q",
    "--tb=short",
    "--color=no",
    "--maxfail=0",  # the twins fail on purpose, and a project's own -x would end the run there
    "--continue-on-collection-errors",
    "-ocache_dir=/tmp/.pytest-cache",  # tests may use the cache, but find nothing in it, and leave nothing behind
)
"""Added after the project's own options; `inside/reporter.py` turns off those that choose or repeat tests."""


@dataclass(frozen=True)
class PytestOrders:
    """What pytest is told to run, and for how long."""

    files: Sequence[str] = ()
    """Relative to the workspace; empty for everything that the project's own configuration names."""
    wanted: Sequence[str] | None = None
    """Node ids to keep of what is collected; `None` keeps all."""
    seconds: float = 300.0
    """Wall-clock limit of the whole run."""
    test_seconds: float = 60.0
    """Wall-clock limit of one test."""
    bait: Bait = field(default_factory=Bait)
    options: RunOptions = field(default_factory=RunOptions)
    on_test: Callable[[TestReport], None] | None = None
    """Called with each report as it arrives."""
    enough: Callable[[ReportPipe], bool] = lambda reports: False
    """Says whether there is nothing more to learn from the run."""


class PytestRunner:
    """Runs a grader's tests by pytest, and altered ones beside them in another process."""

    def run(self, bench: Bench, workspace: Path, grader: Grader, options: RunOptions = RunOptions()) -> TestRun:
        """Run the tests of the grader, and those altered tests that `options` asks for."""
        alterations = options.alterations or (_draw(grader, workspace, options) if options.altered else Alterations())
        if not alterations:
            return _run_grader(bench, workspace, grader, options)
        failed = Event()
        with temporary_folder(bench.scratch, "altered-") as folder, ThreadPoolExecutor(1) as beside:
            other = copy_tree(workspace, folder / "tree")
            for path, text in alterations.files.items():
                write_file(other, path, text)
            altered = beside.submit(_run_altered, bench, other, grader, options, alterations, failed)
            try:
                run = _run_grader(bench, workspace, grader, options, failed)
            except BaseException:
                failed.set()
                raise
            return replace(run, altered=altered.result())


def _draw(grader: Grader, workspace: Path, options: RunOptions) -> Alterations:
    others = grader.pass_to_pass
    return draw_alterations(workspace, grader.fail_to_pass, others, certain=options.certain, skip=grader.unaltered)


def _run_grader(
    bench: Bench, workspace: Path, grader: Grader, options: RunOptions, failed: Event | None = None
) -> TestRun:
    """Run the tests as they are. `failed` is set as soon as one of them has failed."""
    bait = lay_bait(grader.fail_to_pass, workspace)

    def watch(reports: ReportPipe) -> bool:
        if failed is not None and reports.tests and not bait.allows(reports.tests[-1]):
            failed.set()
        return False

    run = run_pytest(bench, workspace, _orders_of(grader, bait, options, watch))
    if failed is not None and run.reading is None:
        failed.set()
    return run


def _run_altered(
    bench: Bench, workspace: Path, grader: Grader, options: RunOptions, alterations: Alterations, failed: Event
) -> AlteredRun:
    """Run the altered tests until all have been seen to fail, or the real ones have failed."""
    follow = {test: alterations.renames.get(test, test) for test in grader.deciding_tests}
    renamed = grader.model_copy(
        update={
            "fail_to_pass": tuple(follow[test] for test in grader.fail_to_pass),
            "pass_to_pass": tuple(follow[test] for test in grader.pass_to_pass),
            "test_files": tuple(_test_files_of(grader)),
        }
    )
    bait = lay_bait(renamed.fail_to_pass, workspace)
    wanted = set(alterations.must_fail.values())

    def enough(reports: ReportPipe) -> bool:
        return failed.is_set() or wanted <= bait.failures(reports.tests)

    run = run_pytest(bench, workspace, _orders_of(renamed, bait, options, enough))
    # What was running when it was cut short has not failed by itself.
    seen = run.reading.outcomes if run.reading and not failed.is_set() else {}
    outcomes = {test: seen.get(id, "missing") for test, id in alterations.must_fail.items()}
    return AlteredRun(alterations, run.started, outcomes, cut_short=failed.is_set(), output=run.output)


def _orders_of(grader: Grader, bait: Bait, options: RunOptions, enough: Callable[[ReportPipe], bool]) -> PytestOrders:
    return PytestOrders(
        files=_test_files_of(grader),
        wanted=grader.deciding_tests,
        seconds=grader.seconds,
        test_seconds=grader.test_seconds,
        bait=bait,
        options=options,
        enough=enough,
    )


def _test_files_of(grader: Grader) -> Sequence[str]:
    """Return the files that the grader names, otherwise those of its test ids."""
    ids = (*grader.fail_to_pass, *grader.pass_to_pass)
    return grader.test_files or list(dict.fromkeys(test.split("::")[0] for test in ids))


def run_pytest(bench: Bench, workspace: Path, orders: PytestOrders) -> TestRun:
    """Run pytest in one process in the workspace, as ordered.

    Outcomes come through a separate pipe as they happen, never from the exit code or the output. Raises
    `OSError` or `SandboxUnavailable` when this machine is at fault.
    """
    begun, key = time.monotonic(), secrets.token_bytes(32)
    reports = ReportPipe(key, orders.on_test)
    with open_report_channel(bench.sandbox) as channel:
        told = _spell_out(orders, bench.sandbox, workspace, channel) | {"key": key.hex()}
        job = _job_of(bench, workspace, channel, orders.seconds)
        process = start_job(bench.sandbox, job, stdin=subprocess.PIPE)
        try:
            channel.hand_over()
            most = orders.options.max_timeouts
            listener = RunListener(
                process,
                channel.read,
                reports,
                begun + orders.seconds,
                give_up=lambda: most is not None and reports.timeouts >= most,
                enough=lambda: orders.enough(reports),
            )
            timed_out = listener.run(json.dumps(told).encode())
        finally:
            kill_job(process)
    return TestRun(
        tests=tuple(reports.tests),
        started=reports.started,
        finished=reports.finished,
        timed_out=timed_out,
        output=listener.output,
        seconds=time.monotonic() - begun,
        reading=orders.bait.read(reports, timed_out=timed_out) if reports.started else None,
        running=reports.running,
        broken=reports.broken,
        collected=reports.collected_ids,
        files_read=reports.files_read,
    )


def _spell_out(orders: PytestOrders, sandbox: Sandbox, workspace: Path, channel: ReportChannel) -> dict[str, object]:
    """Spell the orders as `inside/main.py` reads them, without the key."""
    root = sandbox.workspace_path(workspace)
    files = [file for file in orders.files if (workspace / file).exists()]
    return {
        "fd": channel.inside,
        "args": [*PYTEST_OPTIONS, f"--rootdir={root}", *files],
        "wanted": None if orders.wanted is None else list(orders.wanted),
        "twins": dict(orders.bait.twins),
        "sentinels": dict(orders.bait.sentinels),
        "trace": orders.options.trace,
        "alarms": list(orders.options.alarms),
        "seconds": orders.test_seconds,
        "reverse": orders.options.reverse,
    }


def _job_of(bench: Bench, workspace: Path, channel: ReportChannel, seconds: float) -> SandboxJob:
    return SandboxJob(
        argv=["python", str(INSIDE_FOLDER / "main.py")],
        workspace=workspace,
        mounts=[*map(Mount, bench.environment.mounts), Mount(_compile_inside()), *channel.mounts],
        variables={**DETERMINISTIC_VARIABLES, **bench.environment.variables},
        path=bench.environment.path,
        limits=replace(bench.limits or SandboxLimits(), seconds=seconds),
        pass_fds=channel.pass_fds,
    )


@lru_cache(maxsize=1)
def _compile_inside() -> Path:
    """Return the folder that runs inside, compiled for interpreters like this one.

    Compiling takes as long as many a test.
    """
    with contextlib.suppress(OSError):
        compileall.compile_dir(INSIDE_FOLDER, quiet=2)
    return INSIDE_FOLDER
