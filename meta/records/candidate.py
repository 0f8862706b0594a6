"""Edits, from the draft to the proposal that a person decides on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pydantic import Field

from meta.records.record import Record


class Edit(Record):
    """An edit of the surface: what it changes, and a claim that can be refuted."""

    title: str
    themes: tuple[str, ...] = ()
    hypothesis: str = ""
    answers: tuple[str, ...] = ()
    """Feedback that it answers, such as "PR #12"."""
    flips: tuple[str, ...] = ()
    """Search tickets that it should turn from failed to passed."""
    changes: dict[str, str | None] = Field(default_factory=dict)
    """Each changed file by its path on the surface: its whole new text, or `None` to remove it."""
    choice: dict[str, bool | int | str] = Field(default_factory=dict)
    """What the search chose, such as {"edit 12": true, "effort": "high"}; empty if the proposer wrote the edit."""


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
"""The states that can follow each state. A candidate stays `testing` over several nights if the gate needs them."""


class Candidate(Record):
    """An edit on its way through check, screen and gate."""

    id: int
    night: int
    status: State
    why: str = ""
    parent: str
    """The version that it changes and is tested against."""
    version: str | None = None
    commit: str | None = None
    edit: Edit


ProposalStatus = Literal["pending", "accepted", "rejected", "rolled_back", "stale"]


class Proposal(Record):
    """A candidate that the gate kept, on a branch, for a person to decide on."""

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
    """An edit as it was drafted, and why it cannot be used, if it cannot.

    The problem may be that it cannot be parsed, or that it claims nothing.
    """

    title: str
    edit: Edit | None
    problem: str = ""
