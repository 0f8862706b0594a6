"""Recomputing a decision from the record, bet by bet, and holding it against the replays in runs.db."""

from __future__ import annotations

import math
from collections import Counter

from meta.errors import MetaError
from meta.gate.recomputation import AuditError, recompute_evidence, resume_gate
from meta.look.table import format_table
from meta.records.candidate import Proposal
from meta.store.gate_tests import GateTest
from meta.store.store import Store


def audit_proposal(store: Store, proposal: Proposal) -> str:
    """The evidence as a table, and whether it leads to the recorded number.

    Raises `MetaError` when it does not: a bet that the inequality does not allow, a sum that is off, more outcomes than
    there are replays to show for them; or another level than the strict tier had given it.
    """
    test = store.gate_tests.find(proposal.candidate)
    if not test:
        raise MetaError(f"proposal {proposal.id} has no recorded gate test", "it cannot be audited")
    names, record = test.tickets, test.record
    try:
        log_e = recompute_evidence(record)
        again = resume_gate(record)
    except (AuditError, ValueError) as error:
        raise MetaError(f"the record of proposal {proposal.id} does not hold: {error}", "do not trust it") from None
    _backed_by_replays(store, proposal, test)
    level = _level(store, proposal, test)
    rows = [
        (
            f"{number}",
            bet.arm,
            names[bet.ticket],
            f"{bet.belief:.2f}",
            f"{bet.stake:.2f}",
            f"{bet.outcome:.0f}",
            f"{bet.log_factor:+.4f}",
        )
        for number, running in enumerate(record.passes, 1)
        for bet in running.bets
        if bet.outcome is not None
    ]
    recorded = record.decision.log_e if record.decision else math.nan
    same = (
        "the same requests follow from the same outcomes"
        if math.isclose(again.log_e, log_e, abs_tol=1e-9)
        else ("today's planner would have asked for other replays, which does not touch the evidence")
    )
    return "\n".join(
        [
            format_table(rows, ["pass", "arm", "ticket", "belief", "stake", "passed", "log factor"]),
            f"\nlog W recomputed {log_e:.9f}, recorded {recorded:.9f}; kept from log(1/alpha) = "
            f"{math.log(1 / record.config.alpha):.9f} on{level}",
            same,
        ]
    )


def _backed_by_replays(store: Store, proposal: Proposal, test: GateTest) -> None:
    """Every outcome must be a replay of the same verdict in runs.db; the incumbent's are shared by all candidates."""
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
            "do not trust it",
        )


def _level(store: Store, proposal: Proposal, test: GateTest) -> str:
    """For the strict tier: that the test was held to the level that it was given when it began."""
    given, held_to = store.gate_tests.strict_level(proposal.candidate, test.incumbent), test.record.config.alpha
    if given is None:
        return ""
    if not math.isclose(given, held_to, rel_tol=1e-9):
        raise MetaError(
            f"the test of proposal {proposal.id} was given the level {given:.6f} and held to {held_to:.6f}",
            "do not trust it",
        )
    return f" (strict tier: alpha {held_to:.6f})"
