"""Finds FAIL_TO_PASS and PASS_TO_PASS tests by running base and merged change."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from meta.environments.workshop import Bench
from meta.grading.overlay import lay_hidden_files
from meta.languages.python.pytest_run import PytestOrders, run_pytest
from meta.languages.python.test_files import is_test_side
from meta.languages.test_run import TestReport, TestRun, first_error_line
from meta.records.ticket import HiddenFile
from meta.tickets.mining.change_sides import list_test_files
from worker_agent.submission_diff import apply_diff

MAX_SUITE_SECONDS = 60.0
"""A suite that takes longer is not run as a whole; only the files that the change touched are."""

TOUCHED_FILES_FACTOR = 10
"""Those files may take this many times as long."""

MAX_TEST_SECONDS = 60.0
"""A test that takes longer with the change is not worth waiting for in every replay."""

MIN_TEST_SECONDS, SLOWEST_TEST_FACTOR = 5.0, 20.0
"""In a replay, a test may take this many times as long as the slowest did with the change, and at least these seconds.
Code that hangs without the fix, or in a wrong one, would otherwise cost a minute for each of its tests in every replay.
"""

MAX_ENDED_RUNS = 3
"""How many tests may kill their process before a run is given up."""


class NoContrast(Exception):
    """No test distinguishes the change from its base; the message says what was seen."""


@dataclass(frozen=True)
class Contrast:
    """The tests that a change fixes, and those that pass both before and after it.

    Node ids are in the order in which they run.
    """

    fail_to_pass: tuple[str, ...]
    pass_to_pass: tuple[str, ...]
    seconds: float
    """How long the tests took with the change."""
    test_seconds: float
    """How long one test may take."""


def find_contrast(
    gold: str, hidden: Sequence[HiddenFile], bench: Bench, suite_seconds: float = MAX_SUITE_SECONDS
) -> Contrast:
    """Run the hidden tests with and without the change. Raises `NoContrast`."""
    suite = _Suite(bench, suite_seconds)
    touched = list_test_files(hidden)
    files: tuple[str, ...] = ()  # all that the project's own configuration names
    first = suite.run(gold, hidden, files)
    if first.timed_out or not any(test.outcome == "passed" for test in first.tests):
        files = tuple(path for path in touched if re.search(r"(^|/)(test_[^/]*|[^/]*_test|tests?)\.py$", path))
        if not files:
            raise NoContrast(_explain_no_contrast(first))
        suite = replace(suite, seconds=TOUCHED_FILES_FACTOR * suite_seconds)
        first = suite.run(gold, hidden, files)
    if not first.started:
        raise NoContrast(f"its tests could not be started: {first.output.strip()[-500:]}")
    second = suite.run(gold, hidden, files)
    # A submission cannot be held to ids that change between runs (an address, a random number).
    later = second.outcomes
    passing = [
        test
        for test, outcome in first.outcomes.items()
        if outcome == "passed" == later.get(test) and is_test_side(test.split("::")[0]) and not _names_the_moment(test)
    ]
    if not passing:
        raise NoContrast(_explain_no_contrast(first))
    slowest = max(test.seconds for run in (first, second) for test in run.tests if test.outcome == "passed")
    suite = replace(suite, test_seconds=min(MAX_TEST_SECONDS, max(MIN_TEST_SECONDS, SLOWEST_TEST_FACTOR * slowest)))
    base = suite.run("", hidden, files, wanted=passing)
    before = base.outcomes
    candidates = [test for test in passing if before.get(test) != "passed"]
    # A file (or conftest) that cannot be imported at the base makes all of its tests look like FAIL_TO_PASS: those
    # that pass there as they were before the change are not. The same goes for a run that ended in the middle.
    suspect = [t for t in candidates if t not in before]
    if suspect:
        original = suite.run("", (), files, wanted=suspect).outcomes
        candidates = [t for t in candidates if original.get(t) != "passed"]
    if not candidates:
        late = next((run for run in (first, second) if run.timed_out), None)
        raise NoContrast(_explain_no_contrast(late) if late else "no test fails without the change and passes with it")
    chosen = set(candidates)
    return Contrast(tuple(candidates), tuple(t for t in passing if t not in chosen), first.seconds, suite.test_seconds)


@dataclass(frozen=True)
class _Suite:
    """Runs of the hidden tests, all within the same limits."""

    bench: Bench
    seconds: float
    test_seconds: float = MAX_TEST_SECONDS

    def run(
        self, diff: str, hidden: Sequence[HiddenFile], files: Sequence[str], wanted: Sequence[str] | None = None
    ) -> TestRun:
        """Run once in a workspace, and again without any test that kills its process."""
        left = list(wanted) if wanted is not None else None
        run = self._run_once(diff, hidden, files, left)
        for _ in range(MAX_ENDED_RUNS):
            if left is None or run.finished or run.running is None:
                break
            seen = run.outcomes
            left = [test for test in left if test not in seen]
            if not left:
                break
            run = _join_runs(run, self._run_once(diff, hidden, files, left))
        return run

    def _run_once(
        self, diff: str, hidden: Sequence[HiddenFile], files: Sequence[str], wanted: Sequence[str] | None
    ) -> TestRun:
        orders = PytestOrders(files, wanted, self.seconds, self.test_seconds)
        with self.bench.workspace("mine-") as workspace:
            apply_diff(workspace, diff)
            lay_hidden_files(workspace.root, hidden)
            return run_pytest(self.bench, workspace.root, orders)


def _join_runs(first: TestRun, second: TestRun) -> TestRun:
    ended = [t for t in first.outcomes if all(t != test.id for test in first.tests)]
    hung = tuple(TestReport(test, 0, "timeout" if first.timed_out else "failed") for test in ended)
    return replace(second, tests=(*first.tests, *hung, *second.tests), broken={**first.broken, **second.broken})


def _names_the_moment(test: str) -> bool:
    """Return whether an id contains today's date, the current time, or an address."""
    today = time.strftime("%Y-%m-%d", time.gmtime())
    now = str(int(time.time()))[:5]
    return today in test or bool(re.search(rf"\b{now}\d{{5,}}|0x[0-9a-f]{{6,}}", test))


def _explain_no_contrast(run: TestRun) -> str:
    if run.timed_out:
        return f"the tests of the change did not end within {run.seconds:.0f} s"
    broken: Mapping[str, str] = run.broken
    if broken:
        path, words = next(iter(broken.items()))
        return f"with the change, {path} cannot be collected: {first_error_line(words)}"
    failing = [t for t in run.tests if t.outcome not in ("passed", "skipped")]
    if failing:
        why = first_error_line(failing[0].why) or failing[0].outcome
        return f"with the change, no test passes; {failing[0].id}: {why}"
    said = run.output.strip().splitlines()
    return f"with the change, no test passes: {' '.join(said[-3:])[:400] or 'none was found'}"
