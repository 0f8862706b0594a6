"""Recomputes a decision from its record, in two ways.

`recompute_evidence` needs no planner and trusts only the inequality: it checks that the inequality allows each recorded
bet, and multiplies them. So it also holds for decisions of older planners. `resume_gate` tells the recorded outcomes to
a new gate, which must request the same replays and reach the same number.
"""

from __future__ import annotations

import math
from collections import defaultdict

from meta.gate.bets import log_factor_of, log_factor_of_missing_run
from meta.gate.gate import Gate
from meta.gate.gate_record import VOID_OUTCOMES, Arm, GateRecord


class AuditError(ValueError):
    """The record contains a bet that the inequality forbids, or does not add up."""


def recompute_evidence(record: GateRecord) -> float:
    """Return log W from the recorded bets alone."""
    total = 0.0
    for number, running in enumerate(record.passes, start=1):
        unused: dict[tuple[Arm, int], float] = {}
        for ticket, w in enumerate(record.weights):
            unused["candidate", ticket] = unused["incumbent", ticket] = running.stake * w
        value: dict[tuple[Arm, int], float] = defaultdict(float)
        for bet in running.bets:
            key = (bet.arm, bet.ticket)
            signed = bet.stake if bet.arm == "candidate" else -bet.stake
            if bet.stake < 0.0 or bet.u <= max(0.0, -signed):
                raise AuditError(f"pass {number}: a bet on {bet.arm} run of ticket {bet.ticket} is not allowed")
            if bet.outcome is None:
                continue
            if bet.void and bet.outcome != VOID_OUTCOMES[bet.arm]:
                raise AuditError(f"pass {number}: a void {bet.arm} run of ticket {bet.ticket} counts the wrong way")
            unused[key] -= bet.stake
            value[key] += log_factor_of(bet.outcome, signed, bet.u)
        for (arm, ticket), left in unused.items():
            if left < -1e-9:
                raise AuditError(f"pass {number}: {arm} runs of ticket {ticket} exceed the stake of the pass")
            left = max(left, 0.0)
            value[arm, ticket] += log_factor_of_missing_run(left if arm == "candidate" else -left)
        total += sum(value.values())
    if record.decision is not None:
        if not math.isclose(total, record.decision.log_e, abs_tol=1e-9):
            raise AuditError(f"the record gives log W = {total:.6f}, the decision {record.decision.log_e:.6f}")
        if record.decision.accept and total < math.log(1.0 / record.config.alpha) - 1e-9:
            raise AuditError("the candidate was kept, but its evidence is below the bound")
    return total


def resume_gate(record: GateRecord) -> Gate:
    """Return a new gate that knows the recorded outcomes, to resume a test."""
    gate = Gate(
        len(record.weights),
        record.theme,
        prior=record.stale,
        weights=record.weights,
        config=record.config,
        old_answers=record.old_answers,
    )
    for outcomes in record.answers:
        gate.tell(outcomes)
    if record.stopped is not None and gate.decision is None:
        gate.stop(record.stopped)
    return gate
