"""The gate with real replays: serves its requests from the record and from fresh replays until it decides.

A test that was cut short is taken up by the same code: the gate is told again what it was told, the draws that it had
not heard of are served first, in the order in which they were asked for, and since it always asks the same after the
same answers, it goes on where it stopped.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Sequence
from dataclasses import replace

from meta.app import Context
from meta.gate.beliefs import SUCCESS_PRIOR
from meta.gate.gate import Gate
from meta.gate.gate_record import GateConfig, GateDecision, GateRequest
from meta.gate.pool import Pool, PooledGate
from meta.gate.recomputation import resume_gate
from meta.records.candidate import Candidate
from meta.records.ticket import Ticket
from meta.replay.replayer import ReplayRequest
from meta.store.store import Store
from meta.tune.levels import test_level_of
from meta.tune.progress import TuningProgress
from worker_agent.surface import Surface

MAX_EARLIER_RUNS_COUNTED = 3.0
"""What was seen of other versions counts for at most so many runs."""

MAX_RUNS_READ = 40
"""No more than so many runs of a ticket are looked up: agents drift, and a record of years must not slow a night."""


def run_trial(
    context: Context,
    candidate: Candidate,
    surface: Surface,
    incumbent: Surface,
    held_out: Sequence[Ticket],
    config: GateConfig,
    budget: int,
) -> tuple[Candidate, GateDecision]:
    """Test one candidate against the incumbent on held-out tickets; `budget` bounds the fresh replays.

    The candidate is kept or refused; when the budget ends the test first, it stays in `testing`, to be taken up later.
    """
    store = context.store
    tickets, gate = resume_trial(store, candidate, incumbent.version) or begin_trial(
        context, candidate, incumbent.version, held_out, config
    )
    pool = Pool(len(tickets), [store.replays.pool_draws(t.id, incumbent.version) for t in tickets])
    trial = PooledGate(gate, pool)
    own = _own_draws(store, candidate, incumbent.version, tickets, gate)
    candidate = store.candidates.move(candidate, "testing")
    names, progress = [t.id for t in tickets], TuningProgress(context, context.settings.tune.replays)
    store.gate_tests.save(candidate.id, incumbent.version, names, gate.record())  # its outcomes are in replays
    while asked := trial.requests:
        known = [_recorded(request, tickets, own) for request in asked]
        fresh = [place for place, outcome in enumerate(known) if outcome is None]
        if len(fresh) > budget:  # a batch is made whole or not at all: its bets were fixed together
            gate.stop("the night's budget is spent")
            break
        budget -= len(fresh)
        wanted = [_wanted(asked[place], tickets, candidate, surface, incumbent) for place in fresh]
        made = context.replayer.run(wanted, "gate", retry_void=False)
        outcomes = list(known)
        for place, replay in zip(fresh, made, strict=True):
            outcomes[place] = None if replay.verdict == "void" else float(replay.verdict == "passed")
        trial.tell(outcomes)
        progress.tell(f"gate: {candidate.edit.title}")
    decision = trial.decision
    assert decision is not None
    store.gate_tests.save(candidate.id, incumbent.version, names, gate.record())
    if decision.ended == "stopped":
        return store.candidates.move(candidate, "testing", decision.why), decision
    store.tickets.count_decision(names)
    why = f"{decision.why}; {theme_summary(gate)}"
    return store.candidates.move(candidate, "kept" if decision.accept else "refused", why), decision


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


def prior_beliefs(store: Store, ticket: str, version: str) -> tuple[float, float]:
    """Beta(a, b) for a ticket from earlier, already used runs: never from draws that may still be evidence."""
    own, others = store.replays.prior_counts(ticket, version, MAX_RUNS_READ)
    mean = others.passes / others.runs if others.runs else 0.0
    weight = min(MAX_EARLIER_RUNS_COUNTED, others.runs)
    return SUCCESS_PRIOR[0] + own.passes + weight * mean, SUCCESS_PRIOR[1] + own.runs - own.passes + weight * (1 - mean)


def begin_trial(
    context: Context, candidate: Candidate, incumbent: str, held_out: Sequence[Ticket], config: GateConfig
) -> tuple[list[Ticket], Gate]:
    """A new test on today's tickets."""
    store, themes = context.store, set(candidate.edit.themes)
    gate = Gate(
        len(held_out),
        [i for i, t in enumerate(held_out) if themes & set(t.labels)],
        stale=[prior_beliefs(store, t.id, incumbent) for t in held_out],
        config=replace(
            config,
            alpha=test_level_of(context, candidate.id, incumbent, config.alpha),
            parallel=context.settings.replay.parallel * 2,
        ),
    )
    return list(held_out), gate


def resume_trial(store: Store, candidate: Candidate, incumbent: str) -> tuple[list[Ticket], Gate] | None:
    """The test that this candidate has open against this incumbent, with the outcomes that it was told.

    Its tickets, beliefs and level are those it began with, whatever was learned or set since: bets that were made are
    not made anew, since choosing between two series of bets would be a second chance at the bound.
    """
    begun = store.gate_tests.find(candidate.id, incumbent) if candidate.status == "testing" else None
    if begun is None:
        return None
    tickets = [ticket for name in begun.tickets if (ticket := store.tickets.find(name))]
    if len(tickets) < len(begun.tickets):
        return None
    return tickets, resume_gate(replace(begun.record, stopped=None, decision=None))


def _own_draws(
    store: Store, candidate: Candidate, incumbent: str, tickets: Sequence[Ticket], gate: Gate
) -> dict[str, deque[float]]:
    """What this candidate has run against this incumbent and the gate was not told: a night was killed there."""
    draws: dict[str, deque[float]] = defaultdict(deque)
    if candidate.parent == incumbent:
        for draw in store.replays.gate_draws(candidate):
            draws[draw.ticket].append(draw.passed)
    for running in gate.record().passes:
        for bet in running.bets:
            if bet.arm == "candidate" and bet.outcome is not None:
                draws[tickets[bet.ticket].id].popleft()
    return draws


def _recorded(request: GateRequest, tickets: Sequence[Ticket], own: dict[str, deque[float]]) -> float | None:
    """The next of this candidate's draws on that ticket from before the test was cut short, if there is one."""
    ready = own[tickets[request.ticket].id] if request.arm == "candidate" else None
    return ready.popleft() if ready else None


def _wanted(
    request: GateRequest, tickets: Sequence[Ticket], candidate: Candidate, surface: Surface, incumbent: Surface
) -> ReplayRequest:
    """The replay that answers a request. The incumbent's belong to nobody: they are the pool's."""
    if request.arm == "candidate":
        return ReplayRequest(tickets[request.ticket], surface, candidate.id)
    return ReplayRequest(tickets[request.ticket], incumbent)
