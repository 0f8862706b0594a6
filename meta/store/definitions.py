"""What the tables share: what counts for one-shot success, and the format of timestamps."""

from __future__ import annotations

from datetime import UTC, datetime

MEASURING = ("gate", "measure", "incumbent")
"""Purposes whose replays count for one-shot success.

A `screen` replay runs on a ticket that was picked because it fails, and `work` is not a replay at all.
"""

COUNTS = f"verdict != 'void' and purpose in ({', '.join(repr(purpose) for purpose in MEASURING)})"
"""The same as an SQL condition on `replays`. Void replays do not count."""


def take_timestamp() -> str:
    """Return the current time in UTC, as ISO 8601 to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")
