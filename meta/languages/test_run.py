"""Defines what every test runner takes and returns, whatever the language."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from meta.environments.workshop import Bench
from meta.records.ticket import Grader

TestOutcome = str
"""passed, failed, error (outside the test's own body), skipped, xfailed, xpassed, timeout."""

DETERMINISTIC_VARIABLES = {
    "PYTHONHASHSEED": "0",
    "TZ": "UTC",
    "LC_ALL": "C.UTF-8",
    "COLUMNS": "80",
    "LINES": "24",
    "PYTHONFAULTHANDLER": "1",
}
"""Set for every run, so that a test gives the same result in each replay, wherever it runs."""


@dataclass(frozen=True)
class Alterations:
    """Altered test files, and the tests that must fail with them."""

    files: Mapping[str, bytes] = field(default_factory=dict)
    """Path to the whole altered file."""
    must_fail: Mapping[str, str] = field(default_factory=dict)
    """Each altered test with its id in the altered files."""
    renames: Mapping[str, str] = field(default_factory=dict)
    """Tests whose id is another one in the altered files, altered or not."""

    def __bool__(self) -> bool:
        return bool(self.must_fail)


@dataclass(frozen=True)
class TestReport:
    """One run of one test.

    `nth` counts the runs under the same id within one process: twins share their id.
    """

    __test__ = False
    id: str
    nth: int
    outcome: TestOutcome
    why: str = ""
    seconds: float = 0.0


@dataclass(frozen=True)
class RunReading:
    """What a run says about the real tests, by test id, and whether to believe it."""

    outcomes: Mapping[str, TestOutcome]
    words: Mapping[str, str]
    seconds: Mapping[str, float]
    distrust: str = ""
    """Why the good news in it cannot be believed; empty when it can."""
    tampered: bool = False
    """Whether the code under test changed the test runner: then its bad news means nothing either."""


@dataclass(frozen=True)
class AlteredRun:
    """What altered tests showed, in another process and another workspace."""

    alterations: Alterations
    """What was altered; given to another run, it alters the same."""
    started: bool
    outcomes: Mapping[str, TestOutcome]
    """Each altered test with its outcome; "missing" if it was not seen to end."""
    cut_short: bool = False
    """Whether it was ended because the real tests had failed."""
    output: str = ""

    @property
    def unshaken(self) -> tuple[str, ...]:
        """The altered tests that were not seen to fail."""
        return tuple(test for test, outcome in self.outcomes.items() if outcome not in ("failed", "error", "timeout"))

    @property
    def shaken(self) -> tuple[str, ...]:
        """The altered tests that were seen to fail."""
        return tuple(test for test, outcome in self.outcomes.items() if outcome in ("failed", "error", "timeout"))


@dataclass(frozen=True)
class TestRun:
    """What a run of tests showed. Seconds are wall-clock."""

    __test__ = False
    tests: tuple[TestReport, ...]
    started: bool
    """False if the test runner was never reached, so nothing is known about the code under test."""
    finished: bool
    """False if the process ended early, or was killed."""
    timed_out: bool
    output: str
    seconds: float
    reading: RunReading | None = None
    """The run without its bait; `None` if there is nothing to read."""
    running: str | None = None
    """The test during which an unfinished run ended."""
    broken: Mapping[str, str] = field(default_factory=dict)
    """Files that could not be collected, with the errors."""
    collected: tuple[str, ...] = ()
    """Test ids, in order; only filled when everything that is collected was asked for."""
    altered: AlteredRun | None = None
    """The run of the altered tests; `None` if none was wanted or none could be altered."""
    files_read: tuple[str, ...] = ()
    """Files of the workspace that the tests themselves imported or opened, if `RunOptions.trace` asked for them."""

    @property
    def outcomes(self) -> dict[str, TestOutcome]:
        """Test id to outcome; if several runs share an id, the worst counts."""
        found: dict[str, TestOutcome] = {}
        for test in self.tests:
            if found.get(test.id, "passed") == "passed":
                found[test.id] = test.outcome
        if self.running and not self.finished:
            found[self.running] = "timeout" if self.timed_out else "failed"
        return found

    def why_missing(self, node_id: str) -> str:
        """Return the error that kept a test's file from being collected, if known."""
        path = node_id.split("::")[0]
        return next((words for broken, words in self.broken.items() if broken.split("::")[0] == path), "")


@dataclass(frozen=True)
class RunOptions:
    """How a grader's tests are run this time.

    A runner that cannot do one of these leaves it out.
    """

    max_timeouts: int | None = None
    """Give up after this many tests have timed out; `None`: never."""
    reverse: bool = False
    """Run the tests in reverse order."""
    alarms: Sequence[str] = ()
    """Audit events that code of the repository, apart from its tests, may not raise."""
    altered: bool = True
    """Run altered tests too, in another process."""
    alterations: Alterations | None = None
    """Alter exactly this; `None` draws anew."""
    certain: bool = False
    """Draw only alterations that are sure to matter."""
    trace: bool = False
    """Note which files the tests import or open."""


class TestRunner(Protocol):
    """Runs the tests that a grader names; see `PytestRunner` and `JUnitRunner`."""

    def run(self, bench: Bench, workspace: Path, grader: Grader, options: RunOptions = RunOptions()) -> TestRun:
        """Run the tests in `workspace`, and decide nothing.

        Protected and hidden files already lie there. Raises `OSError` or `SandboxUnavailable` when this machine is at
        fault.
        """
        ...


def first_error_line(words: str) -> str:
    """Return the line of a failure's text that says what went wrong."""
    lines = words.strip().splitlines()
    errors = [line[2:].strip() for line in lines if line.startswith("E ")]
    return (errors or lines[-1:] or [""])[0][:300]
