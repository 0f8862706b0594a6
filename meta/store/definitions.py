"""DOCSTRING meta.store.definitions."""

from __future__ import annotations

from datetime import UTC, datetime


def take_timestamp() -> str:
    """This moment, UTC, ISO 8601 to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")
