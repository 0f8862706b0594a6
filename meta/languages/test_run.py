"""DOCSTRING meta.languages.test_run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

TestOutcome = str
"""passed, failed, error (outside the test's own body), skipped, xfailed, xpassed, timeout."""


@dataclass(frozen=True)
class TestReport:
    """One test, run once. `nth` counts the runs under the same id within one process: twins share their id."""

    __test__ = False
    id: str
    nth: int
    outcome: TestOutcome
    why: str = ""
    seconds: float = 0.0


DETERMINISTIC_VARIABLES = {
    "PYTHONHASHSEED": "0",
    "TZ": "UTC",
    "LC_ALL": "C.UTF-8",
    "COLUMNS": "80",
    "LINES": "24",
    "PYTHONFAULTHANDLER": "1",
}
"""So that a test gives the same result in every replay, wherever it runs."""


@dataclass(frozen=True)
class TestRun:
    """What a run of tests showed. Seconds are wall-clock."""

    __test__ = False
    tests: tuple[TestReport, ...]
    started: bool
    """False: pytest was never reached, so nothing is known about the code under test."""
    finished: bool
    """False: the process ended, or was ended, in the middle."""
    timed_out: bool
    running: str | None
    """The test in the middle of which an unfinished run ended."""
    broken: Mapping[str, str]
    """Files that could not be collected, with the error's words."""
    collected: tuple[str, ...]
    """Node ids, in order; only filled when all that is collected was asked for."""
    twinned: frozenset[str]
    """The tests that could be given twins: functions, not unittest's methods nor other kinds of item."""
    mutants: frozenset[str]
    """The changed copies of tests that were collected."""
    patched: str
    """What in the test runner the code under test had changed, in words."""
    forged: int
    """Lines in the report pipe that were not the plugin's."""
    output: str
    seconds: float

    @property
    def outcomes(self) -> dict[str, str]:
        """Node id to outcome. Runs that shared an id count as the worst of them; twins are for the grader to tell."""
        found: dict[str, str] = {}
        for test in self.tests:
            if found.get(test.id, "passed") == "passed":
                found[test.id] = test.outcome
        if self.running and not self.finished:
            found[self.running] = "timeout" if self.timed_out else "failed"
        return found

    def why_missing(self, node_id: str) -> str:
        """What kept a test's file from being collected, in the error's words; empty where nothing is known."""
        path = node_id.split("::")[0]
        return next((words for broken, words in self.broken.items() if broken.split("::")[0] == path), "")


def first_error_line(words: str) -> str:
    """The one line of a failure's words that says what went wrong."""
    lines = words.strip().splitlines()
    errors = [line[2:].strip() for line in lines if line.startswith("E ")]
    return (errors or lines[-1:] or [""])[0][:300]


@dataclass(frozen=True)
class RunReading:
    """What a run says about the real tests, each mapping by node id; `distrust` says why it cannot be believed."""

    outcomes: Mapping[str, str]
    words: Mapping[str, str]
    seconds: Mapping[str, float]
    distrust: str
