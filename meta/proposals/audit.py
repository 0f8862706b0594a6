"""Recomputes a decision from its record, and compares that with the replays."""

from __future__ import annotations

import math
from collections import Counter

from meta.errors import MetaError
from meta.gate.gate_record import Arm
from meta.gate.recomputation import AuditError, recompute_evidence, resume_gate
from meta.records.candidate import Proposal
from meta.records.record import Record
from meta.store.gate_tests import GateTest
from meta.store.store import Store

DISTRUST = "do not trust it"


class AuditedBet(Record):
    """One bet of the gate on one replay that was made."""

    pass_number: int
    arm: Arm
    ticket: str
    belief: float
    stake: float
    passed: bool
    void: bool
    """Whether the replay was void, which counts as failed for the candidate and as passed for the incumbent."""
    log_factor: float


class ProposalAudit(Record):
    """A decision of the gate that was recomputed; evidence is log W, in nats."""

    proposal: int
    bets: tuple[AuditedBet, ...]
    evidence: float
    recorded_evidence: float | None
    alpha: float
    """The chance of keeping a useless edit; a proposal is kept from log(1 / alpha) on."""
    strict: bool
    """Whether the strict tier gave the test this alpha when it began."""
    same_requests: bool
    """Whether today's planner asks for the same replays; the evidence does not depend on it."""


def audit_proposal(store: Store, proposal: Proposal) -> ProposalAudit:
    """Recompute the evidence for a proposal.

    Raises `MetaError` when the record does not hold: a bet that the inequality does not allow, a wrong sum, more
    outcomes than there are replays to show for them, or another level than the strict tier had given the test.
    """
    test = store.gate_tests.find(proposal.candidate)
    if not test:
        raise MetaError(f"proposal {proposal.id} has no recorded gate test", "it cannot be audited")
    record = test.record
    try:
        evidence = recompute_evidence(record)
        again = resume_gate(record)
    except (AuditError, ValueError) as error:
        raise MetaError(f"the record of proposal {proposal.id} does not hold: {error}", DISTRUST) from None
    _check_replays(store, proposal, test)
    return ProposalAudit(
        proposal=proposal.id,
        bets=tuple(
            AuditedBet(
                pass_number=number,
                arm=bet.arm,
                ticket=test.tickets[bet.ticket],
                belief=bet.belief,
                stake=bet.stake,
                passed=bet.outcome >= 0.5,
                void=bet.void,
                log_factor=bet.log_factor,
            )
            for number, running in enumerate(record.passes, 1)
            for bet in running.bets
            if bet.outcome is not None
        ),
        evidence=evidence,
        recorded_evidence=record.decision.log_e if record.decision else None,
        alpha=record.config.alpha,
        strict=_check_level(store, proposal, test),
        same_requests=math.isclose(again.log_e, evidence, abs_tol=1e-9),
    )


def _check_replays(store: Store, proposal: Proposal, test: GateTest) -> None:
    """Check that every outcome is a replay in runs.db.

    The incumbent's replays are shared by all candidates.
    """
    used: Counter[tuple[str, str, bool]] = Counter()
    for running in test.record.passes:
        for bet in running.bets:
            if bet.outcome is not None:
                used[bet.arm, test.tickets[bet.ticket], bet.outcome >= 0.5] += 1
    if missing := used - store.replays.gate_outcomes(proposal.candidate):
        arm, ticket, passed = next(iter(missing))
        raise MetaError(
            f"the record of proposal {proposal.id} claims a replay of {ticket} with the {arm} that "
            f"{'passed' if passed else 'failed'}, and runs.db has none",
            DISTRUST,
        )


def _check_level(store: Store, proposal: Proposal, test: GateTest) -> bool:
    """Return whether the test was of the strict tier, after checking its level.

    It has to be the level that it was given when it began.
    """
    given, held_to = store.gate_tests.strict_level(proposal.candidate, test.incumbent), test.record.config.alpha
    if given is None:
        return False
    if not math.isclose(given, held_to, rel_tol=1e-9):
        raise MetaError(
            f"the test of proposal {proposal.id} was given the level {given:.6f} and held to {held_to:.6f}", DISTRUST
        )
    return True
