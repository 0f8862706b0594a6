"""Tells the referee what pytest's hooks see."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Any

from referee import tell_referee  # type: ignore[import-not-found]

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator


PLUGIN_OPTIONS = {
    "xdist": ("-n0",),
    "pytest_cov": ("--no-cov",),
    "randomly": ("--randomly-seed=0", "--randomly-dont-reorganize"),
    "random_order": ("--random-order-bucket=none",),
}
"""Given after a project's own options, which stay: these only spread, slow down or shuffle the tests."""

OFF = {
    "lf": False,
    "failedfirst": False,
    "newfirst": False,
    "stepwise": False,
    "stepwise_skip": False,
    "usepdb": False,
    "trace": False,
    "reruns": 0,
}
"""What a project's own options are set to, where no option undoes them: some tests fail on purpose."""

RING_AGAIN_SECONDS = 1.0
"""The alarm rings again after this long, so that code that swallows one exception gets another."""


class TestTimeout(BaseException):
    """A test took too long.

    Not an `Exception`, so that code under test does not swallow it by catching everything it expects.
    """


class Reporter:
    """The pytest plugin.

    It tells the referee what it sees, and keeps nothing that would be worth finding.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.left = seconds

    # Neither first nor last, so after pytest has patched itself for `py.path`, but before any conftest is imported.
    def pytest_load_initial_conftests(self, early_config: Any, args: list[str]) -> None:
        tell_referee("loaded", {"manager": early_config.pluginmanager})
        for plugin, options in PLUGIN_OPTIONS.items():
            if early_config.pluginmanager.hasplugin(plugin):
                args.extend(options)
        if early_config.pluginmanager.hasplugin("xdist"):
            args[:0] = ["-n0"]

    def pytest_configure(self, config: Any) -> None:
        for name, value in OFF.items():
            if hasattr(config.option, name):
                setattr(config.option, name, value)

    def pytest_make_collect_report(self, collector: Any) -> Iterator[None]:
        self.left = self.seconds
        outcome = yield from self._limited()
        report = outcome.get_result()
        if report.failed:
            tell_referee("broken", {"id": collector.nodeid, "why": str(report.longreprtext)[-2000:]})

    def pytest_collection_modifyitems(self, config: Any, items: list[Any]) -> Iterator[None]:
        told = {"everything": list(items)}
        yield
        told["items"] = list(items)
        tell_referee("collected", told)
        items[:] = told["items"]

    def pytest_runtest_protocol(self, item: Any) -> Iterator[None]:
        tell_referee("starts", {"id": item.nodeid})
        self.left = self.seconds
        yield
        tell_referee("ended", {})

    # The clock stops between phases: reporting is pytest's own work, and an exception in it would end the run.
    def pytest_runtest_setup(self, item: Any) -> Iterator[None]:
        yield from self._limited()

    def pytest_runtest_call(self, item: Any) -> Iterator[None]:
        yield from self._limited()

    def pytest_runtest_teardown(self, item: Any) -> Iterator[None]:
        yield from self._limited()

    # A wrapper, since plugins for asynchronous tests answer this hook themselves, before others are asked.
    def pytest_pyfunc_call(self, pyfuncitem: Any) -> Iterator[None]:
        __tracebackhide__ = True
        told: dict[str, Any] = {"id": pyfuncitem.nodeid}
        tell_referee("called", told)
        if told.get("fail", True):
            import pytest

            pytest.fail("has to fail", pytrace=False)  # a traceback would cost more than all the rest
        yield

    def pytest_runtest_makereport(self, item: Any, call: Any) -> Iterator[None]:
        outcome = yield
        report = outcome.get_result()  # type: ignore[attr-defined]
        word, why = _outcome(report, call)
        if word != "passed":
            tell_referee("worse", {"id": item.nodeid, "outcome": word, "why": str(why)[-2000:]})

    def pytest_runtest_logreport(self, report: Any) -> None:
        # Subtests are reported beside their test, under its id.
        if report.outcome == "failed":
            tell_referee("worse", {"id": report.nodeid, "outcome": "failed", "why": _words(report)[-2000:]})

    def _limited(self) -> Generator[None, Any, Any]:
        """Yield for a hook wrapper within the time that is left; return the outcome."""
        _ring(self.left or RING_AGAIN_SECONDS, self.seconds)
        try:
            return (yield)
        finally:
            self.left = _ring(0)

    def pytest_sessionfinish(self, exitstatus: int) -> None:
        tell_referee("finished", {"status": int(exitstatus)})


def mark_hooks() -> None:
    """Mark which hooks are wrappers.

    This imports pytest, so it comes late: only after the process outside has been told that this side runs.
    """
    import pytest

    for name in ("make_collect_report",):
        pytest.hookimpl(hookwrapper=True)(getattr(Reporter, f"pytest_{name}"))
    pytest.hookimpl(tryfirst=True)(Reporter.pytest_configure)
    phases = ("runtest_setup", "runtest_call", "runtest_teardown")
    for name in ("collection_modifyitems", "runtest_protocol", *phases, "pyfunc_call", "runtest_makereport"):
        pytest.hookimpl(hookwrapper=True, tryfirst=True)(getattr(Reporter, f"pytest_{name}"))


def _ring(after: float, limit: float = 0) -> float:
    """Raise `TestTimeout` after this many seconds (0: never); return those left."""
    if after:

        def on_alarm(signum: int, frame: Any) -> None:
            raise TestTimeout(f"took longer than {limit:g} s")

        signal.signal(signal.SIGALRM, on_alarm)
    return signal.setitimer(signal.ITIMER_REAL, after, RING_AGAIN_SECONDS if after else 0.0)[0]


def _outcome(report: Any, call: Any) -> tuple[str, str]:
    if call.excinfo is not None and call.excinfo.errisinstance(TestTimeout):
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
