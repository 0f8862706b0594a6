"""Ends a night's tuning and returns its result."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from meta.records.account import Night
from meta.records.candidate import Candidate, Proposal
from meta.store.store import Store


@dataclass(frozen=True)
class TuningResult:
    """What a night of tuning produced."""

    night: int
    candidates: tuple[Candidate, ...]
    """Those that were proposed during this night, whatever their state now."""
    proposals: tuple[Proposal, ...]
    replays: int
    out_of_budget: bool = False
    """Whether something still waits for replays."""


def end_tuning(store: Store, night: Night, proposals: Sequence[Proposal], out_of_budget: bool) -> TuningResult:
    """Record that the night's tuning is over, and return its result."""
    used = store.replays.count_used(night.id)
    store.nights.end_tuning(night.id, {"replays": used, "kept": [proposal.id for proposal in proposals]})
    return TuningResult(night.id, tuple(store.candidates.of_night(night.id)), tuple(proposals), used, out_of_budget)
