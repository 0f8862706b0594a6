"""A recomputed decision of the gate, bet by bet."""

from __future__ import annotations

import math

from meta.look.table import format_table
from meta.proposals.audit import ProposalAudit


def audit_page(audit: ProposalAudit) -> str:
    """Show every bet, and whether they lead to the recorded number."""
    rows = [
        (
            bet.pass_number,
            bet.arm,
            bet.ticket,
            f"{bet.belief:.2f}",
            f"{bet.stake:.2f}",
            f"{bet.passed:d}{' (void)' if bet.void else ''}",
            f"{bet.log_factor:+.4f}",
        )
        for bet in audit.bets
    ]
    recorded = math.nan if audit.recorded_evidence is None else audit.recorded_evidence
    level = f" (strict tier: alpha {audit.alpha:.6f})" if audit.strict else ""
    requests = (
        "the same outcomes lead to the same requests"
        if audit.same_requests
        else "today's planner would have asked for other replays, which does not change the evidence"
    )
    return "\n".join(
        [
            format_table(rows, ["pass", "arm", "ticket", "belief", "stake", "passed", "log factor"]),
            f"\nlog W recomputed {audit.evidence:.9f}, recorded {recorded:.9f}; an edit is kept from log(1/alpha) = "
            f"{math.log(1 / audit.alpha):.9f} on{level}",
            requests,
        ]
    )
