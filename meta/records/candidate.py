"""Edits on their way: drafted, proposed, tested, and offered to a person."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pydantic import Field

from meta.records.record import Record


class Edit(Record):
    """A candidate edit of the surface: what it changes, and what it claims, so that it can be shown wrong."""

    title: str
    themes: tuple[str, ...] = ()
    hypothesis: str = ""
    answers: tuple[str, ...] = ()
    """The feedback that it answers, such as "PR #12"."""
    flips: tuple[str, ...] = ()
    """Search tickets that it should turn from failed to passed."""
    changes: dict[str, str | None] = Field(default_factory=dict)
    """Path on the surface to its whole new text, or `None` to remove it."""
    choice: dict[str, bool | int | str] = Field(default_factory=dict)
    """What the search chose, such as {"edit 12": true, "effort": "high"}; empty for an edit of the proposer."""


State = Literal["proposed", "invalid", "screened_out", "joined", "testing", "refused", "kept"]

NEXT_STATES: dict[State, tuple[State, ...]] = {
    "proposed": ("invalid", "screened_out", "joined", "testing"),
    "testing": ("refused", "kept", "testing"),
    "invalid": (),
    "screened_out": (),
    "joined": ("refused",),
    "refused": (),
    "kept": (),
}
"""Where a candidate can go from each state. `testing` goes on from night to night until the gate decides."""


class Candidate(Record):
    """An edit on its way through check, screen and gate."""

    id: int
    night: int
    status: State
    why: str = ""
    parent: str
    """The version that it was made from and is tested against."""
    version: str | None = None
    commit: str | None = None
    edit: Edit


ProposalStatus = Literal["pending", "accepted", "rejected", "rolled_back", "stale"]


class Proposal(Record):
    """A candidate that passed the gate, as a branch, waiting for a person."""

    id: int
    candidate: int
    branch: str
    commit_id: str
    base_commit: str
    status: ProposalStatus
    reason: str = ""
    merge_commit: str | None = None
    made_at: str = ""
    decided_at: str | None = None


@dataclass(frozen=True)
class EditDraft:
    """An edit as it was written, and what is wrong with it: it cannot be read, or claims nothing."""

    title: str
    edit: Edit | None
    problem: str = ""
