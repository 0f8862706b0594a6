"""What was wrong with one thing that a source read; the others were kept."""

from __future__ import annotations

from dataclasses import dataclass


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
