"""Objects to changes many times as large as the merged one."""

from __future__ import annotations

from meta.grading.acceptance.finding import Check
from meta.grading.acceptance.submission_change import SubmissionChange

MAX_SIZE_FACTOR = 4
"""A submission may have this many times the lines of the merged change."""

ALWAYS_ALLOWED_LINES = 60
"""Lines that are always allowed on top: a one-line fix may come with a test and a docstring."""


def _object_to(change: SubmissionChange, needed: int) -> str:
    limit = MAX_SIZE_FACTOR * needed + ALWAYS_ALLOWED_LINES
    if change.lines <= limit:
        return ""
    largest = max(change.files, key=lambda file: file.lines)
    return (
        f"it changes {change.lines} lines where the merged change took {needed} (up to {limit} would do); "
        f"{largest.lines} of them in {largest.path}"
    )


SIZE = Check(
    "size",
    f"changed lines, at most {MAX_SIZE_FACTOR} times the merged change's and {ALWAYS_ALLOWED_LINES} more",
    _object_to,
)
