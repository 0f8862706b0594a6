"""Runs pytest inside the sandbox and reports each test to the process outside. Never imported by `meta` itself.

Standard library and pytest only, Python 3.8 and later. It runs in the same process as the code under test, so nothing
that it keeps here is safe for ever; what can be done is done early: the orders are read and their pipe is closed
before any code of the repository is imported, and every report carries a running MAC.

Orders (JSON on standard input, up to its end):

    fd          number of the pipe that takes the reports
    key         hex; the reports' MAC is HMAC-SHA256(key, "<sequence>:<payload>"), its first 32 hex digits
    args        arguments for pytest
    wanted      node ids to keep, or null for all that is collected
    twins       {node id: [copies, which of them is the real test]}
    sentinels   {file: name of the function in it that must fail}
    seconds     time limit of one test
    reverse     run the tests in reverse order
    collect     stop after collection

Reports (one line each, "<mac> <payload>"): hello, collected, broken, start, test, patched, end; they are described in
`meta.replay.reports`.
"""

from __future__ import annotations

import copy
import fcntl
import hashlib
import hmac
import importlib.util
import json
import os
import signal
import sys
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Emit = Callable[..., None]


class TimedOut(BaseException):
    """Not an `Exception`, so that code under test does not swallow it by catching everything it expects."""


def channel(fd: int, key: bytes) -> Emit:
    """A function that writes one report. Kept in a closure: there is no object to look it up in."""
    fcntl.fcntl(fd, fcntl.F_SETFD, fcntl.fcntl(fd, fcntl.F_GETFD) | fcntl.FD_CLOEXEC)
    owner, count, write, dumps = os.getpid(), [0], os.write, json.dumps
    sha256, new = hashlib.sha256, hmac.new

    def emit(**record: Any) -> None:
        if os.getpid() != owner:  # a test forked, and its child came back here
            return
        payload = dumps(record)
        mac = new(key, (f"{count[0]}:{payload}").encode(), sha256).hexdigest()[:32]
        count[0] += 1
        line = f"{mac} {payload}\n".encode()
        while line:
            line = line[write(fd, line) :]

    return emit


def plugin(orders: dict[str, Any], emit: Emit) -> Any:
    """The pytest plugin that keeps the wanted tests, adds twins and sentinels, and reports each outcome."""
    import pytest
    from untouched import Untouched  # type: ignore[import-not-found]

    wanted = None if orders["wanted"] is None else frozenset(orders["wanted"])
    twins, sentinels = dict(orders["twins"]), dict(orders["sentinels"])
    seconds, reverse, collect_only = float(orders["seconds"]), orders["reverse"], orders["collect"]
    deciding = frozenset(twins)
    seen: dict[str, int] = {}
    current: dict[str, Any] = {}
    runner: list[Any] = []

    def on_alarm(signum: int, frame: Any) -> None:
        raise TimedOut(f"took longer than {seconds:g} s")

    def _ring(after: float) -> None:
        if after:
            signal.signal(signal.SIGALRM, on_alarm)
        # It rings again every second: code that swallows the first exception gets another.
        signal.setitimer(signal.ITIMER_REAL, after, 1.0 if after else 0.0)

    class Reporter:
        # Neither first nor last: after pytest has patched itself for `py.path`, before any conftest is imported.
        def pytest_load_initial_conftests(self, early_config: Any, args: list[str]) -> None:
            runner.append(Untouched(early_config.pluginmanager))
            # The project's own options stay; these two only spread the tests over processes or slow them down.
            if early_config.pluginmanager.hasplugin("xdist"):
                args[:0] = ["-n0"]
                args.append("-n0")
            if early_config.pluginmanager.hasplugin("pytest_cov"):
                args.append("--no-cov")

        @pytest.hookimpl(hookwrapper=True)
        def pytest_make_collect_report(self, collector: Any) -> Iterator[None]:
            _ring(seconds)
            try:
                outcome = yield
            finally:
                _ring(0)
            report = outcome.get_result()  # type: ignore[attr-defined]
            if report.failed:
                emit(k="broken", id=collector.nodeid, why=str(report.longreprtext)[-2000:])

        @pytest.hookimpl(hookwrapper=True, tryfirst=True)
        def pytest_collection_modifyitems(self, config: Any, items: list[Any]) -> Iterator[None]:
            everything = list(items)
            yield
            # What was deselected by the project's own options stays out, what was not asked for goes.
            kept = [item for item in items if wanted is None or item.nodeid in wanted]
            if reverse:
                kept.reverse()
            items[:] = _with_sentinels(_with_twins(kept, twins), sentinels)
            emit(
                k="collected", count=len(everything), ids=[i.nodeid for i in kept] if wanted is None else [],
                twinned=list(twins),
            )  # fmt: skip
            if collect_only:
                del items[:]

        @pytest.hookimpl(hookwrapper=True, tryfirst=True)
        def pytest_runtest_protocol(self, item: Any) -> Iterator[None]:
            nth = seen.get(item.nodeid, 0)
            seen[item.nodeid] = nth + 1
            current.clear()
            current.update(item=item, nth=nth, outcome="passed", why="")
            emit(k="start", id=item.nodeid, nth=nth)
            if item.nodeid in deciding and item.nodeid not in twins:
                _look()
            begun = time.perf_counter()
            _ring(seconds)
            try:
                yield
            finally:
                _ring(0)
            emit(
                k="test", id=item.nodeid, nth=nth, outcome=current["outcome"], why=current["why"],
                seconds=round(time.perf_counter() - begun, 4),
            )  # fmt: skip

        # A wrapper, since plugins for asynchronous tests answer this hook themselves, before others are asked.
        @pytest.hookimpl(hookwrapper=True, tryfirst=True)
        def pytest_pyfunc_call(self, pyfuncitem: Any) -> Iterator[None]:
            __tracebackhide__ = True
            copies = twins.get(pyfuncitem.nodeid)
            if copies:
                _look()
            if copies and current["nth"] != copies[1]:
                pytest.fail("has to fail", pytrace=False)  # a traceback would cost more than all the rest
            yield

        @pytest.hookimpl(hookwrapper=True, tryfirst=True)
        def pytest_runtest_makereport(self, item: Any, call: Any) -> Iterator[None]:
            outcome = yield
            report = outcome.get_result()  # type: ignore[attr-defined]
            if item is not current.get("item"):
                return
            if call.excinfo is not None and call.excinfo.errisinstance(TimedOut):
                _worse("timeout", str(call.excinfo.value))
            elif report.outcome == "passed":
                if call.excinfo is not None and not hasattr(report, "wasxfail"):
                    _worse("failed", "reported as passed, but it raised " + call.excinfo.exconly())
                elif report.when == "call" and hasattr(report, "wasxfail"):
                    _worse("xpassed", str(report.wasxfail))
            elif report.outcome == "skipped":
                _worse("xfailed" if hasattr(report, "wasxfail") else "skipped", _words(report))
            else:
                _worse("failed" if report.when == "call" else "error", _words(report))

        def pytest_runtest_logreport(self, report: Any) -> None:
            # Subtests are reported beside their test, under its id.
            item = current.get("item")
            if item is not None and report.nodeid == item.nodeid and report.outcome == "failed":
                _worse("failed", _words(report))

        def pytest_sessionfinish(self, exitstatus: int) -> None:
            _look()
            emit(k="end", status=int(exitstatus))

    rank = {"passed": 0, "xpassed": 1, "xfailed": 2, "skipped": 2, "failed": 3, "error": 3, "timeout": 4}

    def _look() -> None:
        if runner and (what := runner[0].broken()):
            emit(k="patched", what=what)
            runner.clear()

    def _worse(outcome: str, why: str) -> None:
        if rank[outcome] > rank[current["outcome"]]:
            current.update(outcome=outcome, why=why[-2000:])

    return Reporter()


def _words(report: Any) -> str:
    longrepr = report.longrepr
    if isinstance(longrepr, tuple) and len(longrepr) == 3:
        return str(longrepr[2])
    return str(getattr(report, "longreprtext", "") or longrepr or "")


def _with_twins(items: list[Any], twins: dict[str, Any]) -> list[Any]:
    import pytest

    result, twinned = [], {}
    for item in items:
        result.append(item)
        # unittest's and other items do not run through `pytest_pyfunc_call`
        if item.nodeid in twins and isinstance(item, pytest.Function) and not hasattr(item, "addError"):
            twinned[item.nodeid] = twins[item.nodeid]
            for _ in range(twins[item.nodeid][0] - 1):
                twin = copy.copy(item)
                twin._initrequest()
                result.append(twin)
    twins.clear()
    twins.update(twinned)
    return result


def _with_sentinels(items: list[Any], sentinels: dict[str, str]) -> list[Any]:
    import pytest

    result, placed = [], set()
    for item in items:
        result.append(item)
        path = item.nodeid.split("::")[0]
        module = item.getparent(pytest.Module)
        if path in sentinels and path not in placed and module is not None:
            function = getattr(module.obj, sentinels[path], None)
            if function is not None:
                placed.add(path)
                result.append(pytest.Function.from_parent(module, name=sentinels[path], callobj=function))
    return result


def main() -> int:
    """Read the orders, run pytest, return its exit code; 70 when there is no pytest here."""
    orders = json.loads(sys.stdin.buffer.read())
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    if importlib.util.find_spec("pytest") is None:
        sys.stderr.write(f"there is no pytest in {sys.prefix}\n")
        return 70
    emit = channel(orders["fd"], bytes.fromhex(orders["key"]))
    emit(k="hello", python=sys.version.split()[0])
    import pytest

    args, judge = orders["args"], plugin(orders, emit)
    # This folder has no business on the path. The repository's root has, as with `python -m pytest`, but last, so
    # that a file in it does not stand in for a module of the environment.
    sys.path[:] = [*sys.path[1:], os.getcwd()]
    del orders, emit
    return int(pytest.main(args, plugins=[judge]))


if __name__ == "__main__":
    status = main()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)  # threads that the tests left behind must not keep the verdict waiting
