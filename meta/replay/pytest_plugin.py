"""Runs pytest inside the sandbox and reports each test to the process outside. Never imported by `meta` itself.

Standard library and pytest only, Python 3.8 and later. It runs in the same process as the code under test, so all that
decides is kept where Python code cannot look: the key, the bait and the outcomes live in the closure of an audit hook,
which no object refers to. Hooks of pytest reach it by `sys.audit`, and it believes them only when nothing but pytest is
on the stack. The orders are read and their pipe is closed before any code of the repository is imported, and every
report carries a running MAC.

Orders (JSON on standard input, up to its end):

    fd          number of the pipe that takes the reports, or its path
    key         hex; the reports' MAC is HMAC-SHA256(key, "<sequence>:<payload>"), its first 32 hex digits
    args        arguments for pytest
    wanted      node ids to keep, or null for all that is collected
    twins       {node id: [copies, which of them is the real test]}
    mutants     node ids of changed copies of tests, which must fail
    sentinels   {file: name of the function in it that must fail}
    alarms      audit events that code of the repository, its tests apart, may not raise
    seconds     time limit of one test
    reverse     run the tests in reverse order
    collect     stop after collection

Reports (one line each, "<mac> <payload>"): hello, collected, broken, start, test, patched, end; they are described in
`meta.replay.reports`.
"""

from __future__ import annotations

import copy
import fcntl
import gc
import hashlib
import hmac
import importlib.util
import json
import os
import signal
import sys
import time
from typing import TYPE_CHECKING, Any

from untouched import Untouched, of_the_tests  # type: ignore[import-not-found]

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Emit = Callable[..., None]

TELL = "pytest_plugin.tell"
"""The audit event by which the hooks below speak to the judge: a word, and a dictionary that it reads and fills in."""


class TimedOut(BaseException):
    """Not an `Exception`, so that code under test does not swallow it by catching everything it expects."""


def channel(fd: int, key: bytes) -> Emit:
    """A function that writes one report."""
    fcntl.fcntl(fd, fcntl.F_SETFD, fcntl.fcntl(fd, fcntl.F_GETFD) | fcntl.FD_CLOEXEC)
    owner, count, write, dumps, pid = os.getpid(), [0], os.write, json.dumps, os.getpid
    sha256, new = hashlib.sha256, hmac.new

    def emit(**record: Any) -> None:
        if pid() != owner:  # a test forked, and its child came back here
            return
        payload = dumps(record)
        mac = new(key, (f"{count[0]}:{payload}").encode(), sha256).hexdigest()[:32]
        count[0] += 1
        line = f"{mac} {payload}\n".encode()
        while line:
            line = line[write(fd, line) :]

    return emit


def install(orders: dict[str, Any], emit: Emit) -> None:
    """Install the audit hook that holds the orders, judges what the hooks of pytest tell it, and writes the reports."""
    wanted = None if orders["wanted"] is None else frozenset(orders["wanted"])
    deciding, twins, sentinels = frozenset(orders["twins"]), dict(orders["twins"]), dict(orders["sentinels"])
    mutants, alarms, reverse = frozenset(orders["mutants"]), frozenset(orders["alarms"]), orders["reverse"]
    listened_to = alarms | {TELL}
    root, getframe, clock = os.getcwd() + os.sep, sys._getframe, time.perf_counter
    seen: dict[str, int] = {}
    current: dict[str, Any] = {"id": None}
    runner: list[Any] = []
    inside = [False]
    own = _tell.__code__
    first = main.__code__
    rank = {"passed": 0, "xpassed": 1, "xfailed": 2, "skipped": 2, "failed": 3, "error": 3, "timeout": 4}

    def hook(event: str, args: Any) -> None:
        if event not in listened_to or inside[0]:
            return
        inside[0], collecting = True, gc.isenabled()
        gc.disable()  # what a collection calls back would find this frame on its stack
        try:
            caller = getframe(1)
            if event != TELL:
                if what := _alarming(event, args, caller):
                    emit(k="patched", what=what)
            elif not _by_pytest_alone(caller):
                _look()
                emit(k="patched", what="something besides pytest called its hooks")
            else:
                answers[args[0]](args[1])
        finally:
            inside[0] = False
            if collecting:
                gc.enable()

    def _alarming(event: str, args: Any, frame: Any) -> str:
        if event == "open" and not str(args[0]).startswith(("/proc/self/mem", "/proc/1/", f"/proc/{os.getpid()}/mem")):
            return ""
        if event in ("object.__setattr__", "object.__getattr__") and args[1] != "__code__":
            return ""
        file = frame.f_code.co_filename
        while event == "open" and frame.f_back and not file.startswith(root):
            frame = frame.f_back
            file = frame.f_code.co_filename
        if not file.startswith(root) or of_the_tests(file[len(root) :]):
            return ""
        return f"{file[len(root) :]} used {event}"

    def _by_pytest_alone(frame: Any) -> bool:
        if frame.f_code is not own:
            return False
        while frame.f_code is not first:
            file = frame.f_code.co_filename
            if file.startswith(root) and not of_the_tests(file[len(root) :]):
                return False
            frame = frame.f_back
            if frame is None:
                return False
        return True

    def _look() -> None:
        if runner and (what := runner[0].broken()):
            emit(k="patched", what=what)
            runner.clear()

    def _loaded(told: dict[str, Any]) -> None:
        runner.append(Untouched(told["manager"], (Reporter, sys.modules["__main__"])))

    def _broken(told: dict[str, Any]) -> None:
        emit(k="broken", id=told["id"], why=told["why"])

    def _collected(told: dict[str, Any]) -> None:
        everything, items = told["everything"], told["items"]
        # What was deselected by the project's own options stays out, what was not asked for goes.
        kept = [item for item in items if wanted is None or item.nodeid in wanted]
        if reverse:
            kept.reverse()
        # After all others: a test that runs twice must not be in the way of the rest.
        last = [item for item in items if item.nodeid in mutants]
        told["items"] = _with_sentinels(_with_twins(kept, twins), sentinels) + [_quiet(item) for item in last]
        emit(
            k="collected", count=len(everything), ids=[i.nodeid for i in kept] if wanted is None else [],
            twinned=list(twins), mutants=[item.nodeid for item in last],
        )  # fmt: skip

    def _starts(told: dict[str, Any]) -> None:
        node = told["id"]
        nth = seen.get(node, 0)
        seen[node] = nth + 1
        current.clear()
        current.update(id=node, nth=nth, outcome="passed", why="")
        emit(k="start", id=node, nth=nth)
        if node in deciding and node not in twins:
            _look()
        current["begun"] = clock()

    def _called(told: dict[str, Any]) -> None:
        copies = twins.get(told["id"])
        if copies:
            _look()
        told["fail"] = copies is not None and current["nth"] != copies[1]

    def _worse(told: dict[str, Any]) -> None:
        if told["id"] == current["id"] and rank[told["outcome"]] > rank[current["outcome"]]:
            current.update(outcome=told["outcome"], why=told["why"])

    def _ended(told: dict[str, Any]) -> None:
        emit(
            k="test", id=current["id"], nth=current["nth"], outcome=current["outcome"], why=current["why"],
            seconds=round(clock() - current["begun"], 4),
        )  # fmt: skip

    def _finished(told: dict[str, Any]) -> None:
        _look()
        emit(k="end", status=told["status"])

    answers = {
        "loaded": _loaded, "broken": _broken, "collected": _collected, "starts": _starts, "called": _called,
        "worse": _worse, "ended": _ended, "finished": _finished,
    }  # fmt: skip
    sys.addaudithook(hook)


def _tell(word: str, told: dict[str, Any]) -> None:
    # A signal's handler is handed the frame that it interrupts, which should not be the judge's.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _ALL_SIGNALS)
    try:
        sys.audit(TELL, word, told)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


_ALL_SIGNALS = signal.valid_signals()


class Reporter:
    """The pytest plugin: what it sees it tells the judge, and it keeps nothing that would be worth finding."""

    def __init__(self, seconds: float, collect_only: bool) -> None:
        self.seconds, self.collect_only = seconds, collect_only

    # Neither first nor last: after pytest has patched itself for `py.path`, before any conftest is imported.
    def pytest_load_initial_conftests(self, early_config: Any, args: list[str]) -> None:
        _tell("loaded", {"manager": early_config.pluginmanager})
        # The project's own options stay; these two only spread the tests over processes or slow them down.
        if early_config.pluginmanager.hasplugin("xdist"):
            args[:0] = ["-n0"]
            args.append("-n0")
        if early_config.pluginmanager.hasplugin("pytest_cov"):
            args.append("--no-cov")

    def pytest_make_collect_report(self, collector: Any) -> Iterator[None]:
        _ring(self.seconds)
        try:
            outcome = yield
        finally:
            _ring(0)
        report = outcome.get_result()  # type: ignore[attr-defined]
        if report.failed:
            _tell("broken", {"id": collector.nodeid, "why": str(report.longreprtext)[-2000:]})

    def pytest_collection_modifyitems(self, config: Any, items: list[Any]) -> Iterator[None]:
        told = {"everything": list(items)}
        yield
        told["items"] = list(items)
        _tell("collected", told)
        items[:] = [] if self.collect_only else told["items"]

    def pytest_runtest_protocol(self, item: Any) -> Iterator[None]:
        _tell("starts", {"id": item.nodeid})
        _ring(self.seconds)
        try:
            yield
        finally:
            _ring(0)
        _tell("ended", {})

    # A wrapper, since plugins for asynchronous tests answer this hook themselves, before others are asked.
    def pytest_pyfunc_call(self, pyfuncitem: Any) -> Iterator[None]:
        __tracebackhide__ = True
        told: dict[str, Any] = {"id": pyfuncitem.nodeid}
        _tell("called", told)
        if told.get("fail", True):
            import pytest

            pytest.fail("has to fail", pytrace=False)  # a traceback would cost more than all the rest
        yield

    def pytest_runtest_makereport(self, item: Any, call: Any) -> Iterator[None]:
        outcome = yield
        report = outcome.get_result()  # type: ignore[attr-defined]
        word, why = _outcome(report, call)
        if word != "passed":
            _tell("worse", {"id": item.nodeid, "outcome": word, "why": str(why)[-2000:]})

    def pytest_runtest_logreport(self, report: Any) -> None:
        # Subtests are reported beside their test, under its id.
        if report.outcome == "failed":
            _tell("worse", {"id": report.nodeid, "outcome": "failed", "why": _words(report)[-2000:]})

    def pytest_sessionfinish(self, exitstatus: int) -> None:
        _tell("finished", {"status": int(exitstatus)})


def _mark_hooks() -> None:
    import pytest

    for name in ("make_collect_report",):
        pytest.hookimpl(hookwrapper=True)(getattr(Reporter, f"pytest_{name}"))
    for name in ("collection_modifyitems", "runtest_protocol", "pyfunc_call", "runtest_makereport"):
        pytest.hookimpl(hookwrapper=True, tryfirst=True)(getattr(Reporter, f"pytest_{name}"))


def _ring(after: float) -> None:
    if after:

        def on_alarm(signum: int, frame: Any) -> None:
            raise TimedOut(f"took longer than {after:g} s")

        signal.signal(signal.SIGALRM, on_alarm)
    # It rings again every second: code that swallows the first exception gets another.
    signal.setitimer(signal.ITIMER_REAL, after, 1.0 if after else 0.0)


def _outcome(report: Any, call: Any) -> tuple[str, str]:
    if call.excinfo is not None and call.excinfo.errisinstance(TimedOut):
        return "timeout", str(call.excinfo.value)
    if report.outcome == "passed":
        if call.excinfo is not None and not hasattr(report, "wasxfail"):
            return "failed", "reported as passed, but it raised " + call.excinfo.exconly()
        if report.when == "call" and hasattr(report, "wasxfail"):
            return "xpassed", str(report.wasxfail)
        return "passed", ""
    if report.outcome == "skipped":
        return "xfailed" if hasattr(report, "wasxfail") else "skipped", _words(report)
    return "failed" if report.when == "call" else "error", _words(report)


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
                made = pytest.Function.from_parent(module, name=sentinels[path], callobj=function)
                result.append(_quiet(made))
    return result


def _quiet(item: Any) -> Any:
    """An item that fails without a traceback, which nobody would read."""
    item.repr_failure = lambda excinfo, style=None: "has to fail"
    return item


def main() -> int:
    """Read the orders, run pytest, return its exit code; 70 when there is no pytest here."""
    orders = json.loads(sys.stdin.buffer.read())
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    if importlib.util.find_spec("pytest") is None:
        sys.stderr.write(f"there is no pytest in {sys.prefix}\n")
        return 70
    pipe = orders["fd"]
    emit = channel(os.open(pipe, os.O_WRONLY) if isinstance(pipe, str) else pipe, bytes.fromhex(orders["key"]))
    emit(k="hello", python=sys.version.split()[0])
    import pytest

    _mark_hooks()
    args, reporter = orders["args"], Reporter(float(orders["seconds"]), orders["collect"])
    install(orders, emit)
    # This folder has no business on the path. The repository's root has, as with `python -m pytest`, but last, so
    # that a file in it does not stand in for a module of the environment.
    sys.path[:] = [*sys.path[1:], os.getcwd()]
    del orders, emit
    return int(pytest.main(args, plugins=[reporter]))


if __name__ == "__main__":
    status = main()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)  # threads that the tests left behind must not keep the verdict waiting
