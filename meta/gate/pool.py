"""Fresh draws of the incumbent, shared by the candidates of a night.

The five rules (each was measured: without them a test keeps 14 to 27 % of candidates that are no better):

1. On promotion the pool is emptied; the winner's own draws become beliefs, never evidence.
2. Draws were made since the promotion, are shared by all candidates, and each is used at most once for each.
3. Nobody who writes edits sees held-out outcomes: only kept or not.
4. After an accept the remaining candidates start again against the new incumbent.
5. A change of model or provider empties the pool.

Rules 1, 2, 4 and 5 are enforced here. Rule 3 is the caller's: hand a proposer `decision.accept` and nothing else.

A gate is never told which of its draws came from the pool, and a draw is handed out in the order in which it was asked
for: whether a draw lies ready can depend on how it ended, so a bet that looked at it would not be fixed beforehand.
"""

from __future__ import annotations

from collections.abc import Sequence

from meta.gate.beliefs import SUCCESS_PRIOR
from meta.gate.gate import Gate
from meta.gate.gate_record import GateDecision, GateRequest


class PoolResetError(RuntimeError):
    """The incumbent changed while a candidate was being tested: start its test again (rule 4)."""


class Pool:
    """The incumbent's draws since its promotion: outcomes a ticket, in the order they were asked for."""

    def __init__(self, n: int, draws: Sequence[Sequence[float]] | None = None) -> None:
        if draws is not None and len(draws) != n:
            raise ValueError(f"draws must be given for each of the {n} tickets")
        self.draws: list[list[float]] = [list(d) for d in draws] if draws is not None else [[] for _ in range(n)]
        self.generation = 0

    def empty(self) -> None:
        """On promotion (rule 1), or on a change of model or provider (rule 5). Open trials end in `PoolEmptied`."""
        self.draws = [[] for _ in self.draws]
        self.generation += 1


class PooledGate:
    """One candidate's gate with the pool in front of it: asks only for replays that nobody has made yet.

    A `SequentialTest`, as `Gate` is. `fresh` counts the replays it had made; `budget` bounds them.

    After a kill, build the pool from the recorded draws and start the trial anew: it asks for the same replays in the
    same order, incumbent draws come from the pool, and the recorded candidate runs answer the rest.
    """

    def __init__(self, gate: Gate, pool: Pool, *, budget: int | None = None) -> None:
        if len(pool.draws) != gate.n:
            raise ValueError("the pool is for another set of tickets")
        self.gate = gate
        self.fresh = 0
        self._pool = pool
        self._generation = pool.generation
        self._used = [0] * gate.n
        for running in gate.record().passes:  # a resumed gate has used draws already
            for bet in running.bets:
                self._used[bet.ticket] += bet.arm == "incumbent" and bet.outcome is not None
        self._budget = budget
        self._held: list[float | None] = []
        self._missing: list[int] = []
        self._serve()

    @property
    def decision(self) -> GateDecision | None:
        return self.gate.decision

    @property
    def requests(self) -> list[GateRequest]:
        """Replays to be made; empty once there is a decision."""
        if self.decision is not None:
            return []
        asked = self.gate.requests
        return [asked[i] for i in self._missing]

    def tell(self, outcomes: Sequence[float | None]) -> GateDecision | None:
        """Outcomes of `requests` in order; fresh incumbent draws go into the pool for the candidates to come."""
        if self._generation != self._pool.generation:
            raise PoolResetError("the incumbent changed during this test; start it again against the new one")
        if self.decision is not None:
            raise ValueError("the test is over; nothing was asked for")
        if len(outcomes) != len(self._missing):
            raise ValueError(f"{len(self._missing)} outcomes were asked for, {len(outcomes)} were told")
        for y in outcomes:
            if y is not None and not 0.0 <= y <= 1.0:
                raise ValueError(f"an outcome is 1 (passed), 0 (failed) or void, not {y}")
        asked = self.gate.requests
        for index, y in zip(self._missing, outcomes, strict=True):
            self._held[index] = y
            arm, ticket = asked[index]
            if y is None:
                continue
            self.fresh += 1
            if arm == "incumbent":
                self._pool.draws[ticket].append(y)
                self._used[ticket] += 1
        self.gate.tell(self._held)
        self._serve()
        return self.decision

    def stop(self, why: str) -> GateDecision:
        """End the test from outside, as `Gate.stop` does."""
        return self.gate.stop(why)

    def _serve(self) -> None:
        """Answer from the pool what it can; go on until something has to be made or the test has ended."""
        while self.gate.decision is None:
            if self._budget is not None and self.fresh >= self._budget:
                self.gate.stop(f"the budget of {self._budget} replays is spent")
                return
            asked = self.gate.requests
            self._held = [None] * len(asked)
            self._missing = []
            for index, (arm, ticket) in enumerate(asked):
                draws = self._pool.draws[ticket]
                if arm == "incumbent" and self._used[ticket] < len(draws):
                    self._held[index] = draws[self._used[ticket]]
                    self._used[ticket] += 1
                else:
                    self._missing.append(index)
            if self._missing:
                return
            self.gate.tell(self._held)


def carry_over_beliefs(gate: Gate) -> list[tuple[float, float]]:
    """Beliefs about a kept candidate once it is the incumbent (rule 1): Beta(a, b) a ticket.

    Its own runs count in full. What was known of the old incumbent counts as far as the edit left the ticket alone,
    and at most as much as three runs: it is another version's.
    """
    after = []
    for about, (mean, untouched) in zip(gate.beliefs, gate.carried(), strict=True):
        earlier = max(0.0, min(3.0, about.a + about.b - sum(SUCCESS_PRIOR))) * untouched
        after.append(
            (
                SUCCESS_PRIOR[0] + about.passes + earlier * mean,
                SUCCESS_PRIOR[1] + about.fails + earlier * (1.0 - mean),
            )
        )
    return after
