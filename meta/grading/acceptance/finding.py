"""What an acceptance check is, and what it returns."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from meta.grading.acceptance.submission_change import SubmissionChange


@dataclass(frozen=True)
class CheckResult:
    """What one check found, with a reason that a person understands.

    `void` means that the check could not be made, through no fault of the submission: then it counts neither for nor
    against.
    """

    check: str
    verdict: Literal["passed", "failed", "void"]
    reason: str = ""
    seconds: float = 0.0
    """How long a program took; 0 for checks that only read."""


@dataclass(frozen=True)
class Need:
    """What the merged change took, its tests included: a submission may take about as much."""

    lines: int
    """Lines added and removed, long ones counted as several."""
    silencers: int = 0
    """Comments that silence a checker, added less removed."""


@dataclass(frozen=True)
class Check:
    """A check that only reads the change.

    `object_to(change, need)` gets the submission and what the merged change took, and returns its
    objection, or nothing.
    """

    name: str
    looks_at: str
    object_to: Callable[[SubmissionChange, Need], str]

    def find(self, change: SubmissionChange, need: Need) -> CheckResult:
        """Return what this check finds."""
        reason = self.object_to(change, need)
        return CheckResult(self.name, "failed" if reason else "passed", reason)
