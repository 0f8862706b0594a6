"""Who writes candidate edits: one question to a model, or an agent that edits the surface with tools."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from meta.tune.drafts import Draft
from meta.tune.evidence import Evidence
from worker_agent.records import Usage


class Proposer(Protocol):
    """Writes edits. `usage` is what it has cost so far, `model` who answered last."""

    usage: Usage
    model: str | None

    def propose(self, evidence: Evidence, surface: dict[str, str], most: int) -> Sequence[Draft]:
        """At most `most` edits of the surface's files (path to text)."""
        ...

    def revise(self, draft: Draft, objection: str) -> Draft | None:
        """The same edit written again, told once what was wrong with it; `None` when it is given up."""
        ...
