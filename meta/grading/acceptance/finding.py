"""What a check is, and what it says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from meta.grading.acceptance.submission_change import SubmissionChange


@dataclass(frozen=True)
class CheckResult:
    """What one check found, with a reason that a person understands.

    `void`: it could not be made, through no doing of the submission's; then it counts neither for nor against.
    """

    check: str
    verdict: Literal["passed", "failed", "void"]
    reason: str = ""
    seconds: float = 0.0
    """How long a program took; 0 for checks that only read."""


@dataclass(frozen=True)
class Check:
    """A check that only reads the change: its name, what it looks at, and the objection that it returns, if any.

    `object_to(change, needed)` gets the submission and the number of lines that the merged change took.
    """

    name: str
    looks_at: str
    object_to: Callable[[SubmissionChange, int], str]

    def find(self, change: SubmissionChange, needed: int) -> CheckResult:
        reason = self.object_to(change, needed)
        return CheckResult(self.name, "failed" if reason else "passed", reason)
