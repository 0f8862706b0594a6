"""The gate with real replays: serves its requests from the record and from fresh replays until it decides.

A test that was cut short goes on by the same code: the gate is told again what it was told, the draws that it had not
heard of are served first, in the order in which they were asked for, and since it always asks the same after the same
answers, it goes on where it stopped.
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
from meta.store.replays import Replays
from meta.store.store import Store
from meta.tune.budget import ReplayBudget
from meta.tune.levels import AlphaLevels
from meta.tune.progress import TuningProgress
from worker_agent.surface import Surface

MAX_EARLIER_RUNS_COUNTED = 3.0
"""What was seen of other versions counts for at most this many runs."""

MAX_RUNS_READ = 40
"""The most runs of a ticket that are looked up: agents drift, and a record of years must not slow a night."""


@dataclass(frozen=True)
class _Arms:
    """What a test compares, and where: a request's ticket is a place in `tickets`."""

    candidate: Candidate
    surface: Surface
    incumbent: Surface
    tickets: Sequence[Ticket]

    def replay_request(self, request: GateRequest) -> ReplayRequest:
        """The replay that answers a request. The incumbent's belong to nobody: they are the pool's."""
        if request.arm == "candidate":
            return ReplayRequest(self.tickets[request.ticket], self.surface, self.candidate.id)
        return ReplayRequest(self.tickets[request.ticket], self.incumbent)


class Trials:
    """Puts candidates through the gate, one after the other. `config` is the gate's; each test has its own level."""

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
        """Test one candidate against the incumbent on held-out tickets with at most `most` fresh replays.

        The candidate is kept or refused; when the replays end first, it stays in `testing` for another night.
        """
        store = self._store
        tickets, gate = self._resume(candidate, incumbent.version) or self._begin(
            candidate, incumbent.version, held_out
        )
        arms, names = _Arms(candidate, surface, incumbent, tickets), [ticket.id for ticket in tickets]
        draws = [store.replays.pool_draws(name, incumbent.version) for name in names]
        trial, unheard = PooledGate(gate, Pool(len(draws), draws)), self._unheard_draws(arms, gate)
        candidate = store.candidates.move(candidate, "testing")
        store.gate_tests.save(candidate.id, incumbent.version, names, gate.record())  # its outcomes are in replays
        decision = self._serve(trial, arms, unheard, most)
        store.gate_tests.save(candidate.id, incumbent.version, names, gate.record())
        if decision.ended == "stopped":
            return store.candidates.move(candidate, "testing", decision.why), decision
        store.tickets.count_decision(names)
        why = f"{decision.why}; {theme_summary(gate)}"
        return store.candidates.move(candidate, "kept" if decision.accept else "refused", why), decision

    def _serve(self, trial: SequentialTest, arms: _Arms, unheard: dict[str, deque[float]], most: int) -> GateDecision:
        """Answer the gate's requests until it decides, or until the fresh replays are used up."""
        progress = TuningProgress(self._store.replays, self._budget, self._report)
        while requests := trial.requests:
            outcomes = [_recorded(request, arms.tickets, unheard) for request in requests]
            fresh = [place for place, outcome in enumerate(outcomes) if outcome is None]
            if len(fresh) > most:  # a batch is made whole or not at all: its bets were fixed together
                trial.stop("the night's budget is spent")
                break
            most -= len(fresh)
            wanted = [arms.replay_request(requests[place]) for place in fresh]
            made = self._replayer.run(wanted, "gate", retry_void=False)
            for place, replay in zip(fresh, made, strict=True):
                outcomes[place] = None if replay.verdict == "void" else float(replay.verdict == "passed")
            trial.tell(outcomes)
            progress.update(f"gate: {arms.candidate.edit.title}")
        assert trial.decision is not None
        return trial.decision

    def _begin(self, candidate: Candidate, incumbent: str, held_out: Sequence[Ticket]) -> tuple[list[Ticket], Gate]:
        """A new test on today's tickets."""
        themes = set(candidate.edit.themes)
        alpha = self._levels.of_test(candidate.id, incumbent, self._config.alpha)
        gate = Gate(
            len(held_out),
            [place for place, ticket in enumerate(held_out) if themes & set(ticket.labels)],
            stale=[prior_beliefs(self._store.replays, ticket.id, incumbent) for ticket in held_out],
            config=replace(self._config, alpha=alpha),
        )
        return list(held_out), gate

    def _resume(self, candidate: Candidate, incumbent: str) -> tuple[list[Ticket], Gate] | None:
        """The test that this candidate has open against this incumbent, with the outcomes that it was told.

        Its tickets, beliefs and level are those it began with, whatever was learned or set since: bets that were made
        are not made anew, since choosing between two series of bets would be a second chance at the bound.
        """
        begun = self._store.gate_tests.find(candidate.id, incumbent) if candidate.status == "testing" else None
        if begun is None:
            return None
        tickets = [ticket for name in begun.tickets if (ticket := self._store.tickets.find(name))]
        if len(tickets) < len(begun.tickets):
            return None
        return tickets, resume_gate(replace(begun.record, stopped=None, decision=None))

    def _unheard_draws(self, arms: _Arms, gate: Gate) -> dict[str, deque[float]]:
        """What the candidate has run against this incumbent and the gate was not told: a night was killed there."""
        draws: dict[str, deque[float]] = defaultdict(deque)
        if arms.candidate.parent == arms.incumbent.version:
            for draw in self._store.replays.gate_draws(arms.candidate):
                draws[draw.ticket].append(draw.passed)
        for running in gate.record().passes:
            for bet in running.bets:
                if bet.arm == "candidate" and bet.outcome is not None:
                    draws[arms.tickets[bet.ticket].id].popleft()
        return draws


def theme_summary(gate: Gate) -> str:
    """What the candidate did on the tickets of its theme and on the others, beside what was believed of the incumbent.

    For people only: whoever writes edits hears nothing of held-out tickets but the decision.
    """
    runs = [bet for running in gate.record().passes for bet in running.bets if bet.outcome is not None]
    named, words = set(gate.theme), []
    for group, tickets in (("its theme", named), ("other themes", set(range(gate.n)) - named)):
        own = [bet.outcome or 0.0 for bet in runs if bet.arm == "candidate" and bet.ticket in tickets]
        if own:
            believed = sum(
                gate.carried()[bet.ticket][0] for bet in runs if bet.arm == "candidate" and bet.ticket in tickets
            )
            words.append(f"on tickets of {group} {sum(own):.0f} of {len(own)} passed (without it about {believed:.1f})")
    return ", ".join(words) or "it was not run at all"


def prior_beliefs(replays: Replays, ticket: str, version: str) -> tuple[float, float]:
    """Beta(a, b) for a ticket from earlier, already used runs: never from draws that may still be evidence."""
    own, others = replays.prior_counts(ticket, version, MAX_RUNS_READ)
    mean = others.passes / others.runs if others.runs else 0.0
    weight = min(MAX_EARLIER_RUNS_COUNTED, others.runs)
    a, b = SUCCESS_PRIOR
    return a + own.passes + weight * mean, b + own.runs - own.passes + weight * (1 - mean)


def _recorded(request: GateRequest, tickets: Sequence[Ticket], unheard: dict[str, deque[float]]) -> float | None:
    """The next of the candidate's draws on that ticket that the gate has not heard of, if there is one."""
    ready = unheard[tickets[request.ticket].id] if request.arm == "candidate" else None
    return ready.popleft() if ready else None
