"""What goes wrong while feedback is read, in words for a person."""

from __future__ import annotations

from dataclasses import dataclass


class FeedbackError(Exception):
    """Says what happened, where, and what to do next. Its text can be shown as it is."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that could not be read. As text: `place: what is wrong`."""

    place: str
    """`file:line`, or `owner/name#12`."""
    text: str
    is_kept: bool = False
    """Whether the rest of that line or pull request was used."""

    def __str__(self) -> str:
        return f"{self.place}: {self.text}"
