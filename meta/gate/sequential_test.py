"""The interface of a sequential test, with or without a pool."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from meta.gate.gate_record import GateDecision, GateRequest


class SequentialTest(Protocol):
    """Requests replays until it decides.

    Either a `Gate`, or a `PooledGate`, which requests only replays that nobody has run yet.
    """

    @property
    def decision(self) -> GateDecision | None: ...

    @property
    def requests(self) -> Sequence[GateRequest]:
        """Replays to run; empty once there is a decision."""
        ...

    def tell(self, outcomes: Sequence[float | None]) -> GateDecision | None:
        """Take the outcomes of `requests`, in order; `None` is a void replay, which counts against the candidate."""
        ...

    def stop(self, why: str) -> GateDecision:
        """End the test from outside; the candidate is then not kept."""
        ...
