"""What a reviewer needs to know about one proposal, put together from runs.db."""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Sequence, Set
from dataclasses import asdict, dataclass
from typing import Any

from feedback.outcome import Outcome
from meta.rates import Rate, describe_cost, group_by_ticket, one_shot_success_of
from meta.records.candidate import Candidate, Proposal
from meta.records.replay import Replay
from meta.store.gate_tests import GateTest
from meta.store.store import Store
from meta.surfaces.versions import GitVersions


@dataclass(frozen=True)
class TicketChange:
    """A held-out ticket without and with the change: (passed, replays) of each."""

    id: str
    title: str
    before: tuple[int, int]
    after: tuple[int, int]

    @property
    def change(self) -> float:
        (a, m), (b, n) = self.before, self.after
        return b / n - a / m if m and n else 0.0


@dataclass(frozen=True)
class ProposalView:
    """One proposal with its evidence, as a reviewer should see it."""

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
    """The number of the proposal on which this one was made."""

    def to_json(self) -> dict[str, Any]:
        """Return the view as `--json` prints it.

        Rates have their 95 % intervals; evidence is `None` where there is none.
        """
        return {
            **self.proposal.model_dump(mode="json"),
            "edit": self.candidate.edit.model_dump(mode="json", exclude={"changes"}),
            "diff": self.diff,
            "answers": [outcome.key for outcome in self.answers],
            "gained": [asdict(change) for change in self.gained],
            "lost": [asdict(change) for change in self.lost],
            "unchanged": self.unchanged,
            "before": asdict(self.before),
            "after": asdict(self.after),
            "tests_before": asdict(self.tests_before),
            "tests_after": asdict(self.tests_after),
            "evidence": None if math.isnan(self.evidence) else self.evidence,
            "needed": None if math.isnan(self.needed) else self.needed,
            "scope": self.scope,
            "why": self.why,
            "voids": self.voids,
            "replays": self.replays,
            "cost": self.cost,
            "builds_on": self.builds_on,
        }


def view_proposal(store: Store, versions: GitVersions, proposal: Proposal) -> ProposalView:
    """Put together what there is to know about one proposal."""
    candidate = store.candidates.find(proposal.candidate)
    test = store.gate_tests.find(candidate.id)
    decision = test.record.decision if test else None
    own = store.replays.of_candidate(candidate.id)
    shared = store.replays.shared(candidate.parent, ("gate", "measure"))
    names = set(test.tickets) if test else set()
    counts = _counts(test, own, shared) if test else {}
    changes = []
    for name, (before, after) in counts.items():
        ticket = store.tickets.find(name)
        changes.append(TicketChange(name, ticket.title if ticket else name, before, after))
    below = store.proposals.at_commit(proposal.base_commit)
    return ProposalView(
        proposal=proposal,
        candidate=candidate,
        diff=versions.diff(proposal.base_commit, proposal.commit_id),
        answers=_answers(store, candidate),
        gained=tuple(c for c in changes if c.change > 0),
        lost=tuple(c for c in changes if c.change < 0),
        unchanged=sum(c.change == 0 for c in changes),
        before=_rate({c.id: c.before for c in changes}),
        after=_rate({c.id: c.after for c in changes}),
        tests_before=_tests(names, shared),
        tests_after=_tests(names, [r for r in own if r.purpose in ("gate", "measure")]),
        evidence=math.exp(decision.log_e) if decision else math.nan,
        needed=1 / test.record.config.alpha if test else math.nan,
        scope=decision.scope if decision else "",
        why=decision.why if decision else candidate.why,
        voids=decision.voids if decision else {},
        replays=len(own),
        cost=describe_cost(own),
        builds_on=below.id if below else None,
    )


TicketCounts = dict[str, tuple[tuple[int, int], tuple[int, int]]]


def _counts(test: GateTest, own: Sequence[Replay], shared: Sequence[Replay]) -> TicketCounts:
    """Count (passed, replays) of the incumbent and of the candidate on each ticket.

    It counts what the gate saw, and what was filled in afterwards where it had skipped an arm as sure.
    """
    passed: dict[tuple[str, str], int] = defaultdict(int)
    total: dict[tuple[str, str], int] = defaultdict(int)
    for running in test.record.passes:
        for bet in running.bets:
            if bet.outcome is not None and not bet.void:
                passed[bet.arm, test.tickets[bet.ticket]] += bet.outcome >= 0.5
                total[bet.arm, test.tickets[bet.ticket]] += 1
    for arm, replay in [*(("candidate", r) for r in own), *(("incumbent", r) for r in shared)]:
        if replay.purpose == "measure" and replay.verdict != "void" and (total[arm, replay.ticket] == 0):
            passed[arm, replay.ticket] += replay.verdict == "passed"
            total[arm, replay.ticket] += 1
    return {
        name: (
            (passed["incumbent", name], total["incumbent", name]),
            (passed["candidate", name], total["candidate", name]),
        )
        for name in test.tickets
    }


def _rate(counts: dict[str, tuple[int, int]]) -> Rate:
    return one_shot_success_of({name: [True] * won + [False] * (n - won) for name, (won, n) in counts.items()})


def _tests(names: Set[str], replays: Sequence[Replay]) -> Rate:
    """Return how the tests alone went, over the replays that the gate could see."""
    return one_shot_success_of(group_by_ticket([r for r in replays if r.ticket in names], tests_only=True))


def _answers(store: Store, candidate: Candidate) -> tuple[Outcome, ...]:
    """Return the outcomes that the edit answers, or else those of its themes."""
    outcomes = [o for o in store.outcomes.all() if o.is_agents_fault]
    numbers = {number for answer in candidate.edit.answers for number in re.findall(r"#(\d+)", answer)}
    named = [o for o in outcomes if str(o.number) in numbers]
    return tuple(named or [o for o in outcomes if o.cause.value in candidate.edit.themes])
