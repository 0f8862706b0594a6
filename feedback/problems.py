"""The one error of this package that a person is meant to read."""

from __future__ import annotations

from dataclasses import dataclass


class FeedbackError(Exception):
    """Says what happened, where, and what to do next; its text is fit for a terminal."""


@dataclass(frozen=True, slots=True)
class Problem:
    """As text: `place: what is wrong, and what to do`."""

    place: str
    """`file:line`, or `owner/name#12`."""
    text: str
    kept: bool = False
    """Whether the rest of it was used."""

    def __str__(self) -> str:
        return f"{self.place}: {self.text}"
