"""What the tables share: what counts for one-shot success, and the format of timestamps."""

from __future__ import annotations

from datetime import UTC, datetime

from meta.records.candidate import Edit
from safeguards.masking import mask_secrets

MEASURING = ("gate", "measure", "incumbent")
"""Purposes whose replays count for one-shot success.

A `screen` replay runs on a ticket that was picked because it fails, and `work` is not a replay at all.
"""

COUNTS = f"verdict != 'void' and purpose in ({', '.join(repr(purpose) for purpose in MEASURING)})"
"""The same as an SQL condition on `replays`. Void replays do not count."""


def mask_words(edit: Edit) -> Edit:
    """Return the edit with secrets in its words masked; what it changes stays exact."""
    words = {"title": mask_secrets(edit.title), "hypothesis": mask_secrets(edit.hypothesis)}
    return edit.model_copy(update={**words, "themes": tuple(map(mask_secrets, edit.themes))})


def take_timestamp() -> str:
    """Return the current time in UTC, as ISO 8601 to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")
