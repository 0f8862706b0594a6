"""Everything a reviewer needs to know of one proposal, put together from runs.db."""

from __future__ import annotations

import math
import re
from collections import defaultdict
from dataclasses import dataclass

from feedback.records import Outcome
from meta.context import Context
from meta.errors import MetaError
from meta.rates import Rate, by_ticket, cost, one_shot
from meta.records import Candidate, Proposal, Replay
from meta.store.store import Store
from meta.store.tuning import candidates, gate_test, proposals
from meta.tune.gate import GateRecord


@dataclass(frozen=True)
class TicketChange:
    """A held-out ticket before and after: shares of replays that passed, `None` where there was none."""

    id: str
    title: str
    before: tuple[int, int]
    after: tuple[int, int]

    @property
    def change(self) -> float:
        (a, m), (b, n) = self.before, self.after
        return b / n - a / m if m and n else 0.0


@dataclass(frozen=True)
class View:
    """One proposal as a reviewer should see it."""

    proposal: Proposal
    candidate: Candidate
    diff: str
    answers: tuple[Outcome, ...]
    gained: tuple[TicketChange, ...]
    lost: tuple[TicketChange, ...]
    unchanged: int
    before: Rate
    after: Rate
    tests_before: Rate
    """The tests alone, whatever the acceptance checks said."""
    tests_after: Rate
    evidence: float
    """e-value: how many times likelier the replays are under a gain than luck alone could make them."""
    needed: float
    scope: str
    why: str
    voids: dict[str, int]
    replays: int
    cost: str
    builds_on: int | None
    """The pending proposal on which this one stands."""


def find(store: Store, number: int) -> Proposal:
    """The proposal of that number. Raises `MetaError` (exit code 2)."""
    found = proposals(store, "id = ?", number)
    if not found:
        known = ", ".join(str(p.id) for p in proposals(store)) or "none yet"
        raise MetaError(f"there is no proposal {number}", f"proposals: {known}; see `meta proposals`", code=2)
    return found[0]


def view(context: Context, proposal: Proposal) -> View:
    """Put one proposal together."""
    store = context.store
    candidate = candidates(store, "id = ?", proposal.candidate)[0]
    tested = gate_test(store, candidate.id)
    names, record = tested if tested else ([], None)
    gate = GateRecord.from_json(record) if record else None
    decision = gate.decision if gate else None
    counts = _counts(store, candidate, names, gate)
    changes = []
    for name, (before, after) in counts.items():
        ticket = store.ticket(name)
        changes.append(TicketChange(name, ticket.title if ticket else name, before, after))
    spent = store.replays("candidate = ?", candidate.id)
    return View(
        proposal=proposal,
        candidate=candidate,
        diff=context.versions.diff(proposal.base_commit, proposal.commit_id),
        answers=_answers(store, candidate),
        gained=tuple(c for c in changes if c.change > 0),
        lost=tuple(c for c in changes if c.change < 0),
        unchanged=sum(c.change == 0 for c in changes),
        before=_rate({c.id: c.before for c in changes}),
        after=_rate({c.id: c.after for c in changes}),
        tests_before=_tests(store, names, "version = ? and candidate is null", candidate.parent),
        tests_after=_tests(store, names, "candidate = ?", candidate.id),
        evidence=math.exp(decision.log_e) if decision else math.nan,
        needed=1 / gate.config.alpha if gate else math.nan,
        scope=decision.scope if decision else "",
        why=decision.why if decision else candidate.why,
        voids=decision.voids if decision else {},
        replays=len(spent),
        cost=cost(spent),
        builds_on=next((p.id for p in proposals(store) if p.commit_id == proposal.base_commit), None),
    )


Counts = dict[str, tuple[tuple[int, int], tuple[int, int]]]


def _counts(store: Store, candidate: Candidate, names: list[str], gate: GateRecord | None) -> Counts:
    """For each ticket (passed, replays) of the incumbent and of the candidate: what the gate saw, and what was filled
    in afterwards where it had skipped an arm as sure."""
    passed: dict[tuple[str, str], int] = defaultdict(int)
    total: dict[tuple[str, str], int] = defaultdict(int)
    for running in gate.passes if gate else ():
        for bet in running.bets:
            if bet.outcome is not None:
                passed[bet.arm, names[bet.ticket]] += bet.outcome >= 0.5
                total[bet.arm, names[bet.ticket]] += 1
    filled: list[tuple[str, Replay]] = [
        *(("candidate", r) for r in store.replays("candidate = ? and purpose = 'measure'", candidate.id)),
        *(("incumbent", r) for r in store.replays(
            "version = ? and candidate is null and purpose = 'measure'", candidate.parent)),
    ]  # fmt: skip
    for arm, replay in filled:
        if replay.verdict != "void" and (total[arm, replay.ticket] == 0):
            passed[arm, replay.ticket] += replay.verdict == "passed"
            total[arm, replay.ticket] += 1
    return {
        name: (
            (passed["incumbent", name], total["incumbent", name]),
            (passed["candidate", name], total["candidate", name]),
        )
        for name in names
    }


def _rate(counts: dict[str, tuple[int, int]]) -> Rate:
    return one_shot({name: [True] * won + [False] * (n - won) for name, (won, n) in counts.items()})


def _tests(store: Store, names: list[str], whose: str, value: object) -> Rate:
    """How the tests alone went on these tickets, over the replays that the gate could see."""
    replays = store.replays(f"{whose} and purpose in ('gate', 'measure')", value)
    return one_shot(by_ticket([r for r in replays if r.ticket in set(names)], tests_only=True))


def _answers(store: Store, candidate: Candidate) -> tuple[Outcome, ...]:
    """The outcomes that the edit says it answers; else those with its theme as their cause."""
    outcomes = [o for o in store.outcomes() if o.agents_fault]
    numbers = {number for answer in candidate.edit.answers for number in re.findall(r"#(\d+)", answer)}
    named = [o for o in outcomes if str(o.number) in numbers]
    return tuple(named or [o for o in outcomes if o.cause.value in candidate.edit.themes])


def measured(store: Store, version: str) -> Rate:
    """One-shot success of a version over all its replays on admitted tickets that were not picked for failing."""
    return one_shot(by_ticket(store.replays("version = ? and purpose in ('gate', 'measure', 'incumbent')", version)))
