"""Runs the gate on real replays: answers its requests until it decides.

An interrupted test resumes by the same code. The gate gets its earlier answers again, then the draws that it had not
received, in the order in which they were requested. It always asks the same after the same answers, so it continues
where it stopped.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Sequence
from dataclasses import dataclass, replace

from meta.gate.beliefs import SUCCESS_PRIOR
from meta.gate.gate import Gate
from meta.gate.gate_record import GateConfig, GateDecision, GateRequest
from meta.gate.pool import Pool, PooledGate
from meta.gate.recomputation import resume_gate
from meta.gate.sequential_test import SequentialTest
from meta.project import Report
from meta.records.candidate import Candidate
from meta.records.ticket import Ticket
from meta.replay.replayer import Replayer, ReplayRequest
from meta.store.replays import OUTCOMES, Replays
from meta.store.store import Store
from meta.tune.budget import ReplayBudget
from meta.tune.counted_replays import run_counted
from meta.tune.levels import AlphaLevels
from meta.tune.progress import TuningProgress
from worker_agent.surface import Surface

MAX_EARLIER_RUNS_COUNTED = 3.0
"""Runs of other versions count for at most this many."""

MAX_RUNS_READ = 40
"""How many runs of a ticket are read: agents drift, and years of records must not slow a night."""

_Unheard = dict[int, deque[float | None]]
"""The candidate's outcomes by ticket, as the gate numbers them; None is a void one."""


@dataclass(frozen=True)
class _Arms:
    """What a test compares; a request gives its ticket as an index into `tickets`."""

    candidate: Candidate
    surface: Surface
    incumbent: Surface
    tickets: Sequence[Ticket]

    def replay_request(self, request: GateRequest) -> ReplayRequest:
        """Return the replay that answers a request; the incumbent's go to the pool."""
        if request.arm == "candidate":
            return ReplayRequest(self.tickets[request.ticket], self.surface, self.candidate.id)
        return ReplayRequest(self.tickets[request.ticket], self.incumbent)

    def control(self, requests: Sequence[GateRequest]) -> ReplayRequest:
        """Return a replay of the incumbent, on another ticket than these if there is one."""
        asked = {request.ticket for request in requests}
        place = next((place for place in range(len(self.tickets)) if place not in asked), 0)
        return ReplayRequest(self.tickets[place], self.incumbent)


class GateRunner:
    """Puts candidates through the gate in turn, each at its own level."""

    def __init__(
        self,
        store: Store,
        replayer: Replayer,
        config: GateConfig,
        levels: AlphaLevels,
        budget: ReplayBudget,
        report: Report,
    ) -> None:
        self._store, self._replayer, self._config, self._levels = store, replayer, config, levels
        self._budget, self._report = budget, report

    def run(
        self, candidate: Candidate, surface: Surface, incumbent: Surface, held_out: Sequence[Ticket], most: int
    ) -> tuple[Candidate, GateDecision]:
        """Test one candidate on held-out tickets, with at most `most` fresh replays.

        The candidate is kept or refused; if the replays run out first, it stays in `testing` for another night.
        """
        store = self._store
        tickets, gate = self._resume(candidate, incumbent.version) or self._begin(
            candidate, incumbent.version, held_out
        )
        arms, names = _Arms(candidate, surface, incumbent, tickets), [ticket.id for ticket in tickets]
        draws = [store.replays.pool_draws(name, incumbent.version) for name in names]
        test, unheard = PooledGate(gate, Pool(len(draws), draws)), self._unheard_draws(arms, gate)
        candidate = store.candidates.move(candidate, "testing")
        store.gate_tests.save(candidate.id, incumbent.version, names, gate.record())  # its outcomes are in replays
        decision = self._serve(test, arms, unheard, most)
        store.gate_tests.save(candidate.id, incumbent.version, names, gate.record())
        if decision.ended == "stopped":
            return store.candidates.move(candidate, "testing", decision.why), decision
        store.tickets.count_decision(names)
        why = f"{decision.why}; {theme_summary(gate)}"
        return store.candidates.move(candidate, "kept" if decision.accept else "refused", why), decision

    def _serve(self, test: SequentialTest, arms: _Arms, unheard: _Unheard, most: int) -> GateDecision:
        """Answer the gate's requests until it decides or the replays run out."""
        progress = TuningProgress(self._store.replays, self._budget, self._report)
        while requests := test.requests:
            outcomes = {
                place: unheard[request.ticket].popleft()
                for place, request in enumerate(requests)
                if request.arm == "candidate" and unheard[request.ticket]
            }
            fresh = [place for place in range(len(requests)) if place not in outcomes]
            if len(fresh) > most:  # a batch runs as a whole or not at all, because its bets were fixed together
                test.stop("the night's budget is spent")
                break
            most -= len(fresh)
            wanted = [arms.replay_request(requests[place]) for place in fresh]
            control = arms.control(requests)
            made = run_counted(self._replayer, self._store.replays, wanted, "gate", control)
            outcomes.update((place, OUTCOMES[replay.verdict]) for place, replay in zip(fresh, made, strict=True))
            test.tell([outcomes[place] for place in range(len(requests))])
            progress.update(f"gate: {arms.candidate.edit.title}")
        assert test.decision is not None
        return test.decision

    def _begin(self, candidate: Candidate, incumbent: str, held_out: Sequence[Ticket]) -> tuple[list[Ticket], Gate]:
        """Begin a test on today's tickets."""
        themes = set(candidate.edit.themes)
        alpha = self._levels.of_test(candidate.id, incumbent, self._config.alpha)
        gate = Gate(
            len(held_out),
            [place for place, ticket in enumerate(held_out) if themes & set(ticket.labels)],
            prior=[prior_beliefs(self._store.replays, ticket.id, incumbent) for ticket in held_out],
            config=replace(self._config, alpha=alpha),
        )
        return list(held_out), gate

    def _resume(self, candidate: Candidate, incumbent: str) -> tuple[list[Ticket], Gate] | None:
        """Resume the candidate's open test against this incumbent, if there is one.

        It keeps the tickets, beliefs and level that it began with, whatever was learned or set since. Bets that were
        made stay as they are: choosing between two series of bets would be a second chance at the bound.
        """
        begun = self._store.gate_tests.find(candidate.id, incumbent) if candidate.status == "testing" else None
        if begun is None:
            return None
        tickets = [ticket for name in begun.tickets if (ticket := self._store.tickets.find(name))]
        if len(tickets) < len(begun.tickets):
            return None
        return tickets, resume_gate(replace(begun.record, stopped=None, decision=None))

    def _unheard_draws(self, arms: _Arms, gate: Gate) -> _Unheard:
        """Return the candidate's draws that the gate missed because a night was killed."""
        places = {ticket.id: place for place, ticket in enumerate(arms.tickets)}
        draws: _Unheard = defaultdict(deque)
        if arms.candidate.parent == arms.incumbent.version:
            for draw in self._store.replays.gate_draws(arms.candidate):
                if draw.ticket in places:
                    draws[places[draw.ticket]].append(draw.passed)
        for running in gate.record().passes:
            for bet in running.bets:
                if bet.arm == "candidate" and bet.outcome is not None:
                    draws[bet.ticket].popleft()
        return draws


def theme_summary(gate: Gate) -> str:
    """Compare the candidate's passes with those expected of the incumbent, by theme.

    This is for people only: a proposer learns nothing of held-out tickets but the decision.
    """
    runs = [bet for running in gate.record().passes for bet in running.bets if bet.outcome is not None]
    named, words = set(gate.theme), []
    for group, tickets in (("its theme", named), ("other themes", set(range(gate.n)) - named)):
        own = [bet.outcome or 0.0 for bet in runs if bet.arm == "candidate" and bet.ticket in tickets]
        if own:
            believed = sum(
                gate.predict_tickets()[bet.ticket][0]
                for bet in runs
                if bet.arm == "candidate" and bet.ticket in tickets
            )
            words.append(f"on tickets of {group} {sum(own):.0f} of {len(own)} passed (without it about {believed:.1f})")
    return ", ".join(words) or "it was not run at all"


def prior_beliefs(replays: Replays, ticket: str, version: str) -> tuple[float, float]:
    """Return Beta(a, b) for a ticket, from runs that can no longer be evidence."""
    own, others = replays.prior_counts(ticket, version, MAX_RUNS_READ)
    mean = others.passes / others.runs if others.runs else 0.0
    weight = min(MAX_EARLIER_RUNS_COUNTED, others.runs)
    a, b = SUCCESS_PRIOR
    return a + own.passes + weight * mean, b + own.runs - own.passes + weight * (1 - mean)
