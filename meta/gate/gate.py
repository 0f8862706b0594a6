"""The gate: requests replays, receives their outcomes, and decides, with reasons.

It knows no database, model or clock. The same settings and outcomes always lead to the same requests, so an interrupted
test is resumed by telling a new gate the recorded outcomes.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from meta.gate.beliefs import SUCCESS_PRIOR, TicketBelief
from meta.gate.bets import find_growth_optimal_u, log_factor_of
from meta.gate.gate_record import (
    VOID_OUTCOMES,
    Arm,
    Bet,
    Ending,
    GateConfig,
    GateDecision,
    GateRecord,
    GateRequest,
    PassRecord,
)
from meta.gate.give_up import KindBeliefs, chance_of_keeping
from meta.gate.pass_plan import PassPlanner, RunSlot, least_gain_of, planned_gain_of

MIN_TICKETS_FOR_CLAIM = 12
"""With fewer tickets than this, the gate claims nothing about future tickets."""

MAX_GATE_TICKETS = 10_000


@dataclass(slots=True)
class _Pending:
    """A bet that is fixed and awaits its outcome."""

    slot: RunSlot
    stake: float
    belief: float
    u: float
    tries: int = 0


class Gate:
    """The test of one candidate against the incumbent.

    Drive it with `requests` (the replays it waits for; empty once it has decided) and `tell` (their outcomes, in the
    same order). Tickets are numbered 0 .. n-1. `prior` holds a Beta(a, b) for each: the belief about the incumbent
    after earlier runs that no longer count as evidence, `SUCCESS_PRIOR` plus passes and fails. If any value is zero,
    all are taken as bare counts. `theme` holds the tickets that the edit names; `weights` average 1. `old_answers` is
    for `resume_gate`.
    """

    def __init__(
        self,
        n: int,
        theme: Iterable[int] = (),
        *,
        prior: Sequence[tuple[float, float]] | None = None,
        weights: Sequence[float] | None = None,
        config: GateConfig | None = None,
        old_answers: int = 0,
    ) -> None:
        if not 1 <= n <= MAX_GATE_TICKETS:
            raise ValueError(f"a test needs 1 to {MAX_GATE_TICKETS} tickets, not {n}")
        self.n = n
        self.config = config or GateConfig()
        self.theme = tuple(sorted(set(theme)))
        self.prior = tuple((float(a), float(b)) for a, b in prior) if prior is not None else (SUCCESS_PRIOR,) * n
        self.weights = tuple(float(w) for w in weights) if weights is not None else (1.0,) * n
        self._check()
        # Beta(0, b) does not exist: a zero means that these are counts without the prior.
        counts = any(min(pair) == 0.0 for pair in self.prior)
        earlier = [(a + SUCCESS_PRIOR[0], b + SUCCESS_PRIOR[1]) for a, b in self.prior] if counts else self.prior
        self._target = math.log(1.0 / self.config.alpha)
        self.beliefs = [TicketBelief.from_earlier(a, b) for a, b in earlier]
        named = set(self.theme)
        self._planner = PassPlanner(self.config, self.beliefs, self.weights, named)
        self._hopes = KindBeliefs(self.beliefs, self.weights, named)
        # A threshold above the initial chance would end every test before its first run.
        self._stop = min(self.config.stop, 0.75 * self._hopes.chance_of_gain(self.config.small_gain))
        # Without an earlier run, nothing is known about a named ticket that a failure could contradict.
        self._use_theme = (
            self.config.trust_themes
            and bool(named)
            and all(sum(earlier[i]) >= sum(SUCCESS_PRIOR) + 1.0 - 1e-9 for i in named)
        )
        self._passes: list[PassRecord] = []
        self._slots: Iterator[RunSlot] = iter(())
        self._pending: list[_Pending] = []
        self._answers: list[tuple[float | None, ...]] = []
        self._old_answers = old_answers
        self._voids: dict[str, int] = {"candidate": 0, "incumbent": 0}
        self._stopped: str | None = None
        self._closed = 0.0
        self._done = 0.0
        self._unused = 0.0
        self.replays = 0
        self.decision: GateDecision | None = None
        self._refill()

    def _check(self) -> None:
        if len(self.prior) != self.n or len(self.weights) != self.n:
            raise ValueError(f"each of the {self.n} tickets needs a belief and a weight")
        if any(not (math.isfinite(a) and math.isfinite(b)) or min(a, b) < 0.0 for a, b in self.prior):
            raise ValueError("a belief is Beta(a, b), with a and b positive")
        if any(not 0 <= ticket < self.n for ticket in self.theme):
            raise ValueError(f"the theme names a ticket outside 0 .. {self.n - 1}")
        if not all(0.0 < w < math.inf for w in self.weights) or abs(sum(self.weights) / self.n - 1.0) > 1e-6:
            raise ValueError("weights must be positive and average 1")

    # Requests and outcomes.

    @property
    def requests(self) -> list[GateRequest]:
        """The replays that the gate waits for, at most `config.parallel`.

        Empty once it has decided.
        """
        return [GateRequest(p.slot.arm, p.slot.ticket) for p in self._pending]

    def tell(self, outcomes: Sequence[float | None]) -> GateDecision | None:
        """Take the outcomes of `requests`, in order, and return any decision.

        An outcome is 1 (passed), 0 (failed) or None (void), which counts as `VOID_OUTCOMES` says.
        """
        if self.decision is not None:
            raise ValueError("the test is over and expects no more outcomes")
        if len(outcomes) != len(self._pending):
            raise ValueError(f"outcomes: expected {len(self._pending)}, got {len(outcomes)}")
        for y in outcomes:
            if y is not None and not 0.0 <= y <= 1.0:
                raise ValueError(f"an outcome must be 1 (passed), 0 (failed) or void, not {y}")
        self._answers.append(tuple(outcomes))
        waiting, self._pending = self._pending, []
        for pending, y in zip(waiting, outcomes, strict=True):
            self._settle(pending, y)
        self._judge()
        if self.decision is None:
            self._refill()
        return self.decision

    def stop(self, why: str) -> GateDecision:
        """End the test from outside, because of a budget or a person.

        This is always safe: the candidate is not kept.
        """
        if self.decision is None:
            self._stopped = why
            self._end("stopped", why)
        assert self.decision is not None
        return self.decision

    @property
    def log_e(self) -> float:
        """log W so far, with the worst case for every run of this pass still to come."""
        return self._closed + self._done - self._unused

    def record(self) -> GateRecord:
        """Return everything needed to recompute or resume the test."""
        return GateRecord(
            config=self.config,
            weights=self.weights,
            stale=self.prior,
            theme=self.theme,
            passes=tuple(PassRecord(p.stake, list(p.bets), p.log_value) for p in self._passes),
            answers=tuple(self._answers),
            decision=self.decision,
            stopped=self._stopped,
            old_answers=self._old_answers,
        )

    def predict_tickets(self) -> list[tuple[float, float]]:
        """Return, for each ticket, the incumbent's success and the chance of no effect.

        Both are beliefs; the second is the chance that the edit leaves the ticket alone.
        """
        predicted = [self.beliefs[i].predict(self._planner.odds(i)) for i in range(self.n)]
        return [(p.incumbent, p.untouched) for p in predicted]

    # From outcomes to the next requests, or to the decision.

    def _settle(self, pending: _Pending, y: float | None) -> None:
        slot, void = pending.slot, y is None
        if y is None:
            self._voids[slot.arm] += 1
            if len(self._answers) <= self._old_answers:
                self._skip(pending)
                return
            y = VOID_OUTCOMES[slot.arm]
        self.replays += 1
        signed = pending.stake if slot.arm == "candidate" else -pending.stake
        value = log_factor_of(y, signed, pending.u)
        self._done += value
        if slot.arm == "incumbent":
            self._unused -= pending.stake
        self._write(pending, y, value, void)
        about = self.beliefs[slot.ticket]
        if slot.arm == "candidate":
            about.saw_candidate(y >= 0.5)
        else:
            about.saw_incumbent(y >= 0.5)
        self._hopes.update(slot.ticket)

    def _skip(self, pending: _Pending) -> None:
        """Do with a void replay what was done before it counted: request it again, then skip it."""
        pending.tries += 1
        if pending.tries <= self.config.retries:
            self._pending.append(pending)
        else:
            self._write(pending, None, 0.0, void=True)  # its stake stays in `_unused`

    def _write(self, pending: _Pending, y: float | None, value: float, void: bool) -> None:
        running, slot = self._passes[-1], pending.slot
        running.bets.append(Bet(slot.arm, slot.ticket, pending.stake, pending.belief, pending.u, y, value, void))
        running.log_value = self._done - self._unused

    def _judge(self) -> None:
        if self.log_e >= self._target:
            return self._end("kept", f"evidence {math.exp(self.log_e):.1f} reached {1 / self.config.alpha:g}")
        unseen = any(self.beliefs[i].passes + self.beliefs[i].fails == 0 for i in self.theme)
        lowest = self.config.no_lift_early if unseen else self.config.no_lift
        if self._use_theme and self._hopes.log_odds_of_lift() < lowest:
            return self._end("no lift", "the tickets that it names show no lift")
        chance = self._hopes.chance_of_gain(self.config.small_gain)
        if chance < self._stop:
            return self._end(
                "unlikely", f"a gain above {self.config.small_gain:.0%} has become unlikely ({chance:.0%})"
            )
        if self.replays >= self.config.budget:
            return self._end("budget", f"the budget of {self.config.budget} replays is used up")
        return None

    def _end(self, ended: Ending, why: str) -> None:
        few = self.n < MIN_TICKETS_FOR_CLAIM
        reasons = [why, f"{self.replays} replays"]
        if few:
            reasons.append(f"this holds for these {self.n} tickets only, not for future ones")
        a, b = self._voids["candidate"], self._voids["incumbent"]
        if a + b:
            reasons.append(f"void replays counted against it: candidate {a}, incumbent {b}")
        if a + b and is_void_rate_different(a, b, self._runs("candidate"), self._runs("incumbent")):
            reasons.append("void replays differ between the arms by more than luck")
        self._pending = []
        self.decision = GateDecision(
            accept=ended == "kept",
            log_e=self.log_e,
            why="; ".join(reasons),
            ended=ended,
            replays=self.replays,
            scope="better on these tickets" if few else "better on tickets to come",
            voids=dict(self._voids),
        )

    def _runs(self, arm: Arm) -> int:
        return sum(bet.arm == arm and not bet.void for p in self._passes for bet in p.bets)

    def _refill(self) -> None:
        """Fix the next bets, using only what is known before the batch runs."""
        room = min(self.config.parallel, max(1, self.config.budget - self.replays))
        opened = 0
        while len(self._pending) < room:
            slot = next(self._slots, None)
            if slot is None:
                if self._pending:  # a new pass needs the outcomes of this one
                    return
                lam = self._planner.stake()
                if self._passes and self._hopeless(lam):
                    self._end("hopeless", "any gain is too small to detect within the budget")
                    return
                if opened == 2:
                    self._end("hopeless", "no further replay is worth its cost")
                    return
                self._open_pass(lam)
                opened += 1
                continue
            stake = self._passes[-1].stake * self.weights[slot.ticket] * slot.share
            belief = self._planner.belief(slot.arm, slot.ticket)
            if planned_gain_of(slot.arm, stake, belief) < least_gain_of(slot.arm, self.config):
                continue
            signed = stake if slot.arm == "candidate" else -stake
            self._pending.append(_Pending(slot, stake, belief, find_growth_optimal_u(signed, belief)))

    def _hopeless(self, lam: float) -> bool:
        left = self.config.budget - self.replays
        missing = self._target - self.log_e
        return chance_of_keeping(missing, self._planner.outlook(lam), left) < self.config.hopeless

    def _open_pass(self, lam: float) -> None:
        self._closed += self._done - self._unused
        self._done, self._unused = 0.0, lam * sum(self.weights)
        self._slots = self._planner.slots(lam, first=not self._passes)
        self._passes.append(PassRecord(lam, [], -self._unused))


def is_void_rate_different(a: int, b: int, runs_a: int, runs_b: int) -> bool:
    """Whether the arms' void rates differ more than by chance (two-sided, 5 %)."""
    n_a, n_b = a + runs_a, b + runs_b
    if min(n_a, n_b) == 0:
        return False
    pooled = (a + b) / (n_a + n_b)
    variance = pooled * (1.0 - pooled) * (1.0 / n_a + 1.0 / n_b)
    return variance > 0.0 and abs(a / n_a - b / n_b) > 1.96 * math.sqrt(variance)
