"""What every proposer can do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from meta.records.candidate import EditDraft
from meta.tune.propose.evidence import ProposerEvidence
from worker_agent.records import Usage


class Proposer(Protocol):
    """Writes edits. `usage` is what it has cost so far, `model` who answered last."""

    usage: Usage
    model: str | None

    def propose(self, evidence: ProposerEvidence, surface: dict[str, str], most: int) -> Sequence[EditDraft]:
        """At most `most` edits of the surface's files (path to text)."""
        ...

    def revise(self, draft: EditDraft, objection: str) -> EditDraft | None:
        """The same edit written again, told once what was wrong with it; `None` when it is given up."""
        ...
