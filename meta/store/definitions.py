"""What the tables agree on: what counts for one-shot success, and how a moment is written. Standard library only."""

from __future__ import annotations

from datetime import UTC, datetime

MEASURING = ("gate", "measure", "incumbent")
"""Purposes whose replays count for one-shot success. A `screen` replay ran on a ticket that was picked for failing,
and `work` is not a replay at all."""

COUNTS = f"verdict != 'void' and purpose in ({', '.join(repr(purpose) for purpose in MEASURING)})"
"""The same as an SQL condition on `replays`; void replays count nowhere."""


def take_timestamp() -> str:
    """This moment, UTC, ISO 8601 to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")
