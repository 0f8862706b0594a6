"""The gate with real replays: serves its requests from the record and from fresh replays until it decides.

A test that was cut short is taken up by the same code: the gate is told again what it was told, the draws that it had
not heard of are served first, in the order in which they were asked for, and since it always asks the same after the
same answers, it goes on where it stopped.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Sequence
from dataclasses import replace

from meta.context import Context
from meta.records import Candidate, Ticket
from meta.store.store import Store
from meta.store.tuning import gate_test, move, save_gate
from meta.tune.gate import Decision, Gate, GateConfig, GateRecord, Pool, Request, Trial, resume
from meta.tune.gate.beliefs import PRIOR
from meta.tune.levels import level_of
from meta.tune.progress import Progress
from meta.tune.replays import Wanted, make
from worker_agent.surface import Surface

EARLIER_RUNS = 3.0
"""What was seen of other versions counts for at most so many runs."""

NEWEST = 40
"""No more than so many runs of a ticket are looked up: agents drift, and a record of years must not slow a night."""


def judge(
    context: Context,
    candidate: Candidate,
    surface: Surface,
    incumbent: Surface,
    held_out: Sequence[Ticket],
    config: GateConfig,
    budget: int,
) -> tuple[Candidate, Decision]:
    """Test one candidate against the incumbent on held-out tickets; `budget` bounds the fresh replays.

    The candidate is kept or refused; when the budget ends the test first, it stays in `testing`, to be taken up later.
    """
    store = context.store
    tickets, gate = _taken_up(store, candidate, incumbent.version) or _begun(
        context, candidate, incumbent.version, held_out, config
    )
    pool = Pool(len(tickets), [pool_draws(store, t.id, incumbent.version) for t in tickets])
    trial = Trial(gate, pool)
    own = _own_draws(store, candidate, incumbent.version, tickets, gate)
    candidate = move(store, candidate, "testing")
    names, progress = [t.id for t in tickets], Progress(context, context.settings.tune.replays)
    save_gate(store, candidate.id, incumbent.version, names, gate.record().to_json())  # its outcomes are in replays
    while asked := trial.requests:
        known = [_recorded(request, tickets, own) for request in asked]
        fresh = [place for place, outcome in enumerate(known) if outcome is None]
        if len(fresh) > budget:  # a batch is made whole or not at all: its bets were fixed together
            gate.stop("the night's budget is spent")
            break
        budget -= len(fresh)
        wanted = [_wanted(asked[place], tickets, candidate, surface, incumbent) for place in fresh]
        made = make(context, wanted, "gate", retry=False)
        outcomes = list(known)
        for place, replay in zip(fresh, made, strict=True):
            outcomes[place] = None if replay.verdict == "void" else float(replay.verdict == "passed")
        trial.tell(outcomes)
        progress.tell(f"gate: {candidate.edit.title}")
    decision = trial.decision
    assert decision is not None
    save_gate(store, candidate.id, incumbent.version, names, gate.record().to_json())
    if decision.ended == "stopped":
        return move(store, candidate, "testing", decision.why), decision
    store.served(names)
    why = f"{decision.why}; {seen(gate)}"
    return move(store, candidate, "kept" if decision.accept else "refused", why), decision


def seen(gate: Gate) -> str:
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


def beliefs(store: Store, ticket: str, version: str) -> tuple[float, float]:
    """Beta(a, b) for a ticket from earlier, already used runs: never from draws that may still be evidence."""
    own_runs, own_passes = _counted(
        store, "ticket = ? and version = ? and not (purpose = 'gate' and candidate is null and promotion = ?)",
        ticket, version, _promotion(store),
    )  # fmt: skip
    runs, passes = _counted(store, "ticket = ? and candidate is null and version != ?", ticket, version)
    mean, weight = passes / runs if runs else 0.0, min(EARLIER_RUNS, runs)
    return PRIOR[0] + own_passes + weight * mean, PRIOR[1] + own_runs - own_passes + weight * (1 - mean)


def _counted(store: Store, where: str, *values: object) -> tuple[int, int]:
    """(runs, passes) among the newest replays that fit; void ones count nowhere."""
    row = store.one(
        "select count(*) as runs, coalesce(sum(verdict = 'passed'), 0) as passes from (select verdict from replays"
        f" where {where} and verdict != 'void' order by rowid desc limit {NEWEST})", *values
    )  # fmt: skip
    return (int(row["runs"]), int(row["passes"])) if row else (0, 0)


def _promotion(store: Store) -> int:
    newest = store.incumbent()
    return int(newest["id"]) if newest else 0


def pool_draws(store: Store, ticket: str, version: str) -> list[float]:
    """The incumbent's draws on a ticket since its promotion, by the model in use, in the order they were asked for."""
    found = store.rows(
        "select verdict from replays where ticket = ? and version = ? and purpose = 'gate' and candidate is null"
        " and promotion = ? and verdict != 'void' order by asked, rowid", ticket, version, _promotion(store),
    )  # fmt: skip
    return [float(row["verdict"] == "passed") for row in found]


def _begun(
    context: Context, candidate: Candidate, incumbent: str, held_out: Sequence[Ticket], config: GateConfig
) -> tuple[list[Ticket], Gate]:
    """A new test on today's tickets."""
    store, themes = context.store, set(candidate.edit.themes)
    gate = Gate(
        len(held_out),
        [i for i, t in enumerate(held_out) if themes & set(t.labels)],
        stale=[beliefs(store, t.id, incumbent) for t in held_out],
        config=replace(
            config,
            alpha=level_of(context, candidate.id, incumbent, config.alpha),
            parallel=context.settings.replay.parallel * 2,
        ),
    )
    return list(held_out), gate


def _taken_up(store: Store, candidate: Candidate, incumbent: str) -> tuple[list[Ticket], Gate] | None:
    """The test that this candidate has open against this incumbent, with the outcomes that it was told.

    Its tickets, beliefs and level are those it began with, whatever was learned or set since: bets that were made are
    not made anew, since choosing between two series of bets would be a second chance at the bound.
    """
    begun = gate_test(store, candidate.id, incumbent) if candidate.status == "testing" else None
    if begun is None:
        return None
    tickets = [ticket for name in begun[0] if (ticket := store.ticket(name))]
    if len(tickets) < len(begun[0]):
        return None
    record = GateRecord.from_json(begun[1])
    return tickets, resume(replace(record, stopped=None, decision=None))


def _own_draws(
    store: Store, candidate: Candidate, incumbent: str, tickets: Sequence[Ticket], gate: Gate
) -> dict[str, deque[float]]:
    """What this candidate has run against this incumbent and the gate was not told: a night was killed there."""
    draws: dict[str, deque[float]] = defaultdict(deque)
    if candidate.parent == incumbent:
        made = store.rows(
            "select ticket, verdict from replays where candidate = ? and purpose = 'gate' and version = ?"
            " and verdict != 'void' order by asked, rowid", candidate.id, candidate.version,
        )  # fmt: skip
        for row in made:
            draws[row["ticket"]].append(float(row["verdict"] == "passed"))
    for running in gate.record().passes:
        for bet in running.bets:
            if bet.arm == "candidate" and bet.outcome is not None:
                draws[tickets[bet.ticket].id].popleft()
    return draws


def _recorded(request: Request, tickets: Sequence[Ticket], own: dict[str, deque[float]]) -> float | None:
    """The next of this candidate's draws on that ticket from before the test was cut short, if there is one."""
    ready = own[tickets[request.ticket].id] if request.arm == "candidate" else None
    return ready.popleft() if ready else None


def _wanted(
    request: Request, tickets: Sequence[Ticket], candidate: Candidate, surface: Surface, incumbent: Surface
) -> Wanted:
    """The replay that answers a request. The incumbent's belong to nobody: they are the pool's."""
    if request.arm == "candidate":
        return Wanted(tickets[request.ticket], surface, candidate.id)
    return Wanted(tickets[request.ticket], incumbent)
