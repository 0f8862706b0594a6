"""Defines what every proposer can do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from meta.records.candidate import EditDraft
from meta.tune.propose.evidence import ProposerEvidence
from worker_agent.records import Usage


class Proposer(Protocol):
    """Writes edits; `usage` is its cost to date, `model` the one that answered last."""

    usage: Usage
    model: str | None

    def propose(self, evidence: ProposerEvidence, surface: dict[str, str], most: int) -> Sequence[EditDraft]:
        """Propose at most `most` edits of the surface's files (path to text)."""
        ...

    def revise(self, draft: EditDraft, objection: str) -> EditDraft | None:
        """Rewrite an edit to meet the objection to it; `None` gives it up."""
        ...
