"""What every sequential test can do, whatever stands in front of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from meta.gate.gate_record import GateDecision, GateRequest


class SequentialTest(Protocol):
    """Asks for replays until it decides: a `Gate`, or a `PooledGate` that asks only for what nobody has run yet."""

    @property
    def decision(self) -> GateDecision | None: ...

    @property
    def requests(self) -> Sequence[GateRequest]:
        """Replays to be made; empty once there is a decision."""
        ...

    def tell(self, outcomes: Sequence[float | None]) -> GateDecision | None:
        """Take the outcomes of `requests` in order; `None` is a void replay."""
        ...

    def stop(self, why: str) -> GateDecision:
        """End the test from outside; the candidate is then not kept."""
        ...
