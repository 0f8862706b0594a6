"""Replays and their verdicts."""

from __future__ import annotations

from typing import Literal

from meta.records.record import Record
from worker_agent.records import Usage

MACHINE_FAULT = "this machine:"
"""How the reason of a void begins that a full disk, a killed process or a missing program made."""

Verdict = Literal["passed", "failed", "void"]


class Graded(Record):
    """A verdict with its reason in words, and what decided it: the tests, and the acceptance checks."""

    verdict: Verdict
    """`passed`: both parts did."""
    reason: str
    failed: tuple[str, ...] = ()
    """The tests that did not pass."""
    seconds: float = 0.0
    tests: Verdict | None = None
    """What the tests say; `None` where they were not run."""
    acceptance: Verdict | None = None
    """What the acceptance checks say; `None` where the ticket has none, or nothing was there to look at."""
    objections: tuple[str, ...] = ()
    """What the acceptance checks object to, each as "check: reason"."""


Purpose = Literal["incumbent", "screen", "gate", "measure", "work"]


class Replay(Record):
    """One version run once on one ticket, graded."""

    id: str
    ticket: str
    version: str
    purpose: Purpose
    verdict: Verdict
    reason: str
    ended: str
    """How the worker's own run ended; see `worker_agent.records.RunEnding`."""
    diff: str = ""
    summary: str = ""
    model: str | None = None
    usage: Usage = Usage()
    seconds: float = 0.0
    grading_seconds: float = 0.0
    started_at: str = ""
    candidate: int | None = None
    tests_passed: bool | None = None
    """Whether the tests alone passed; `None` for void replays, and for those made before there were other checks."""
    rank: int = 0
    """Rank among the replays that were asked for: the order in which draws are handed out, whatever finishes first."""

    @property
    def passed(self) -> bool:
        """One-shot success: the tests pass, and no acceptance check objects."""
        return self.verdict == "passed"

    @property
    def passed_tests(self) -> bool:
        """Whether the tests passed, whatever else was objected to. Before there were checks, they were the verdict."""
        return self.passed if self.tests_passed is None else self.tests_passed
