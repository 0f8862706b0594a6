"""Lays bait for code that forges test results: tests that must be seen to fail.

Code under test shares a process with the test runner, and can patch it, register hooks or write reports. It is caught
because it cannot tell which result is which. Every FAIL_TO_PASS test runs several times under one id, and all runs but
one are made to fail; only the outer process knows in advance which one is real. Each test file gets a function with a
random name whose assertion cannot hold, compiled and rewritten like the real ones. And mutants (see `mutants.py`) are
copies of the deciding tests that expect something else. A run's good news is believed only if all of these were seen to
fail.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import ceil
from pathlib import Path, PurePosixPath

from meta.errors import MetaError
from meta.languages.python.mutants import invent_name, mutate_tests
from meta.languages.python.report_pipe import ReportPipe
from meta.languages.test_run import RunReading
from meta.records.ticket import Grader

MAX_FORGER_LUCK = 4
"""A forger that has to guess which runs are real is right at most once in this many tries."""


@dataclass(frozen=True)
class Bait:
    """What must be seen to fail before a run's good news is believed.

    All of it is secret until the run is over.
    """

    twins: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    """Node id: number of runs under this id, and which of them is the real one; the others fail by themselves."""
    sentinels: Mapping[str, str] = field(default_factory=dict)
    """Test file: name of the function in it that fails by itself."""
    mutants: Sequence[str] = ()
    """Node ids of changed copies of tests, which must fail; see `meta.languages.python.mutants`."""

    def read(self, reports: ReportPipe, *, timed_out: bool) -> RunReading:
        """Return what a run says about the real tests, with the bait taken out."""
        twins = {test: runs for test, runs in self.twins.items() if test in reports.twinned}
        sentinels = {f"{path}::{name}" for path, name in self.sentinels.items()}
        mutants = set(self.mutants) & reports.mutants
        due = dict.fromkeys([*sentinels, *mutants], 1) | {test: copies for test, (copies, _) in twins.items()}
        distrust = "something besides the test runner wrote to the report pipe" if reports.forged else ""
        if reports.patched:
            distrust = f"the test runner was tampered with: {reports.patched}"
        outcomes: dict[str, str] = {}
        words: dict[str, str] = {}
        seconds: dict[str, float] = {}
        for test in reports.tests:
            due[test.id] = due.get(test.id, 1) - 1
            if test.id in sentinels or test.id in mutants or (test.id in twins and test.nth != twins[test.id][1]):
                if test.outcome not in ("failed", "error"):
                    distrust = distrust or f"{test.id} was reported as {test.outcome} where it had to fail"
            elif outcomes.get(test.id, "passed") == "passed":
                outcomes[test.id], words[test.id], seconds[test.id] = test.outcome, test.why, test.seconds
        if reports.running and not reports.finished:
            outcomes[reports.running] = "timeout" if timed_out else "failed"
        if not reports.finished:
            distrust = distrust or "the test process ended before all tests had"
        if any(left > 0 for left in due.values()):
            distrust = distrust or "a test that had to fail was not seen to run"
        return RunReading(outcomes, words, seconds, distrust, tampered=bool(reports.patched))


def lay_bait(grader: Grader, root: Path) -> Bait:
    """Draw the bait for one run, and add it to the test files in `root`.

    Raises `MetaError` when a test id leads out of the workspace.
    """
    tests = grader.fail_to_pass
    copies = max(2, ceil(MAX_FORGER_LUCK ** (1 / len(tests)))) if tests else 1
    files = dict.fromkeys(test.split("::")[0] for test in tests)
    texts = {file: _resolve_inside(root, file).read_bytes() for file in files if _is_test_file(root, file)}
    drawn = {file: mutate_tests(text, [t for t in tests if t.startswith(f"{file}::")]) for file, text in texts.items()}
    names = {file: invent_name(text) for file, text in texts.items()}  # no marks of a module apply to it
    for file, name in names.items():
        with _resolve_inside(root, file).open("ab") as stream:
            stream.write(drawn[file].text + _write_sentinel(name))
    return Bait(
        twins={test: (copies, secrets.randbelow(copies)) for test in tests},
        sentinels=names,
        mutants=[node_id for mutants in drawn.values() for node_id in mutants.ids],
    )


def _is_test_file(root: Path, path: str) -> bool:
    return path.endswith(".py") and _resolve_inside(root, path).is_file()


def _resolve_inside(root: Path, path: str) -> Path:
    if PurePosixPath(path).is_absolute() or {"..", ".git"} & set(PurePosixPath(path).parts):
        raise MetaError(f"the ticket's test {path!r} lies outside the repository", "correct its id")
    return root / path


def _write_sentinel(name: str) -> bytes:
    left, right = secrets.randbits(40), secrets.randbits(40)
    return f"\n\n\ndef {name}():\n    value = {left}\n    assert value == {right}\n".encode()
