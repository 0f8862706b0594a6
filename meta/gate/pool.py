"""Fresh draws of the incumbent, shared by all candidates until the next promotion.

It follows five rules. Each was measured: without them, a test keeps 14 to 27 % of candidates that are no better.

1. A promotion empties the pool; the winner's own draws become beliefs, never evidence.
2. All draws are newer than the promotion; all candidates share them, and each candidate uses each draw at most once.
3. Nobody who writes edits sees held-out outcomes, only whether an edit was kept.
4. After a candidate is kept, the others start again against the new incumbent.
5. A change of model or provider empties the pool.

`PooledGate` lets a candidate use each draw at most once (rule 2). The rest is up to the caller. For real nights,
`meta.store.replays.Replays.pool_draws` selects the draws (rules 1, 2 and 5), and `meta.tune.gate_runner` begins a test
again when the incumbent has changed (rule 4). A proposer is shown `decision.accept` and nothing else (rule 3).

A gate never learns which of its draws came from the pool, and draws are handed out in the order of their requests.
Whether a draw is ready can depend on its outcome, so a bet that knew would not be fixed in advance.
"""

from __future__ import annotations

from collections.abc import Sequence

from meta.gate.gate import Gate
from meta.gate.gate_record import GateDecision, GateRequest


class Pool:
    """The incumbent's draws since its promotion, in the order of their requests; None is a void one."""

    def __init__(self, n: int, draws: Sequence[Sequence[float | None]] | None = None) -> None:
        if draws is not None and len(draws) != n:
            raise ValueError(f"each of the {n} tickets needs a list of draws")
        self.draws: list[list[float | None]] = [list(d) for d in draws] if draws is not None else [[] for _ in range(n)]


class PooledGate:
    """One candidate's gate behind the pool: it requests only replays not run yet.

    A `SequentialTest`, like `Gate`. `fresh` counts the new replays.

    After an interruption, build the pool from the recorded draws and start again: the same requests come in the same
    order, the pool answers those of the incumbent, and the recorded candidate runs answer the rest.
    """

    def __init__(self, gate: Gate, pool: Pool) -> None:
        if len(pool.draws) != gate.n:
            raise ValueError("the pool is for another set of tickets")
        self.gate = gate
        self.fresh = 0
        self._pool = pool
        self._used = [0] * gate.n
        for running in gate.record().passes:  # a resumed gate has used draws already
            for bet in running.bets:
                self._used[bet.ticket] += bet.arm == "incumbent" and bet.outcome is not None
        self._held: list[float | None] = []
        self._missing: list[int] = []
        self._serve()

    @property
    def decision(self) -> GateDecision | None:
        return self.gate.decision

    @property
    def requests(self) -> list[GateRequest]:
        """Replays to run; empty once there is a decision."""
        if self.decision is not None:
            return []
        requests = self.gate.requests
        return [requests[i] for i in self._missing]

    def tell(self, outcomes: Sequence[float | None]) -> GateDecision | None:
        """Take the outcomes of `requests`, in order, and return any decision.

        New incumbent draws go into the pool for later candidates.
        """
        if self.decision is not None:
            raise ValueError("the test is over and expects no more outcomes")
        if len(outcomes) != len(self._missing):
            raise ValueError(f"outcomes: expected {len(self._missing)}, got {len(outcomes)}")
        for y in outcomes:
            if y is not None and not 0.0 <= y <= 1.0:
                raise ValueError(f"an outcome must be 1 (passed), 0 (failed) or void, not {y}")
        requests = self.gate.requests
        for index, y in zip(self._missing, outcomes, strict=True):
            self._held[index] = y
            arm, ticket = requests[index]
            self.fresh += 1
            if arm == "incumbent":
                self._pool.draws[ticket].append(y)
                self._used[ticket] += 1
        self.gate.tell(self._held)
        self._serve()
        return self.decision

    def stop(self, why: str) -> GateDecision:
        """End the test from outside, like `Gate.stop`."""
        return self.gate.stop(why)

    def _serve(self) -> None:
        """Answer requests from the pool until one needs a new replay or the test ends."""
        while self.gate.decision is None:
            requests = self.gate.requests
            self._held = [None] * len(requests)
            self._missing = []
            for index, (arm, ticket) in enumerate(requests):
                draws = self._pool.draws[ticket]
                if arm == "incumbent" and self._used[ticket] < len(draws):
                    self._held[index] = draws[self._used[ticket]]
                    self._used[ticket] += 1
                else:
                    self._missing.append(index)
            if self._missing:
                return
            self.gate.tell(self._held)
