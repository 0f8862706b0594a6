"""Replays and their verdicts."""

from __future__ import annotations

from typing import Literal

from meta.records.record import Record
from worker_agent.records import Usage
from worker_agent.storable import StorableText

MACHINE_FAULT = "this machine:"
"""Start of the reason for a void replay due to a full disk, a killed process or a missing program."""

Verdict = Literal["passed", "failed", "void", "tampered"]
"""`tampered` is a failure by a submission that answered its tests without solving the ticket, or reached for them."""


class Graded(Record):
    """A verdict with its reason, and what the tests and acceptance checks say."""

    verdict: Verdict
    """`passed` if both the tests and the acceptance checks passed."""
    reason: StorableText
    failed: tuple[StorableText, ...] = ()
    """The tests that did not pass."""
    seconds: float = 0.0
    tests: Verdict | None = None
    """What the tests say; `None` if they did not run."""
    acceptance: Verdict | None = None
    """What the acceptance checks say; `None` if the ticket has none or there was nothing to check."""
    objections: tuple[StorableText, ...] = ()
    """Objections of the acceptance checks, each as "check: reason"."""
    alarms: tuple[StorableText, ...] = ()
    """Signs that the submission forged its test results, whatever the verdict."""

    @property
    def has_failed(self) -> bool:
        """Whether the submission failed; what is void says nothing about it."""
        return self.verdict in ("failed", "tampered")


Purpose = Literal["incumbent", "screen", "gate", "measure", "work"]


class Replay(Record):
    """One graded run of a version on a ticket."""

    id: str
    ticket: str
    version: str
    purpose: Purpose
    verdict: Verdict
    reason: StorableText
    ended: str
    """How the worker's own run ended; see `worker_agent.records.RunEnding`."""
    diff: StorableText = ""
    summary: StorableText = ""
    model: StorableText | None = None
    usage: Usage = Usage()
    seconds: float = 0.0
    grading_seconds: float = 0.0
    started_at: str = ""
    candidate: int | None = None
    tests_passed: bool | None = None
    """Whether the tests alone passed; `None` for void replays and those older than the acceptance checks."""
    alarms: tuple[StorableText, ...] = ()
    """Signs that the submission forged its test results, whatever the verdict."""
    objections: tuple[StorableText, ...] = ()
    """Objections of the acceptance checks, each as "check: reason"."""
    rank: int = 0
    """Rank in the order of requests, in which draws are handed out, whatever finishes first."""

    @property
    def passed(self) -> bool:
        """One-shot success: the tests pass, and no acceptance check objects."""
        return self.verdict == "passed"

    @property
    def has_failed(self) -> bool:
        """Whether the worker failed; a void replay is nobody's failure."""
        return self.verdict in ("failed", "tampered")

    @property
    def passed_tests(self) -> bool:
        """Whether the tests passed, whatever the acceptance checks say.

        Before there were acceptance checks, the tests were the verdict.
        """
        return self.passed if self.tests_passed is None else self.tests_passed
