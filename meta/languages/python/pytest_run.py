"""Runs pytest once in the sandbox, and reports test by test."""

from __future__ import annotations

import compileall
import contextlib
import json
import secrets
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path

from meta.environments.workshop import Bench
from meta.languages.python.bait import Bait, lay_bait
from meta.languages.python.report_channel import ReportChannel, RunListener, open_report_channel
from meta.languages.python.report_pipe import ReportPipe
from meta.languages.test_run import DETERMINISTIC_VARIABLES, RunOptions, TestReport, TestRun
from meta.records.ticket import Grader
from worker_agent.sandbox.job import Mount, Sandbox, SandboxJob, SandboxLimits
from worker_agent.sandbox.process import kill_job, start_job

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


class PytestRunner:
    """Runs a grader's tests by pytest, with bait laid into their files."""

    def run(self, bench: Bench, workspace: Path, grader: Grader, options: RunOptions = RunOptions()) -> TestRun:
        """Lay bait for this run, then run the tests of the grader."""
        orders = PytestOrders(
            files=_test_files_of(grader),
            wanted=(*grader.fail_to_pass, *grader.pass_to_pass),
            seconds=grader.seconds,
            test_seconds=grader.test_seconds,
            bait=lay_bait(grader, workspace),
            options=options,
        )
        return run_pytest(bench, workspace, orders)


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
            listener = RunListener(process, channel.read, reports, begun + orders.seconds, orders.options.max_timeouts)
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
        "mutants": list(orders.bait.mutants),
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
