"""Size against need: a change many times as large as the one that was merged does more than was asked for."""

from __future__ import annotations

from meta.replay.acceptance.change import Change
from meta.replay.acceptance.finding import Check

FACTOR = 4
"""How many times the lines of the merged change a submission may have."""

ALLOWANCE = 60
"""Lines that are always allowed on top: a one-line fix may well come with a test and a docstring."""


def _object_to(change: Change, needed: int) -> str:
    limit = FACTOR * needed + ALLOWANCE
    if change.lines <= limit:
        return ""
    largest = max(change.files, key=lambda file: file.lines)
    return (
        f"it changes {change.lines} lines where the merged change took {needed} (up to {limit} would do); "
        f"{largest.lines} of them in {largest.path}"
    )


SIZE = Check("size", f"changed lines, at most {FACTOR} times the merged change's and {ALLOWANCE} more", _object_to)
