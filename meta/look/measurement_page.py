"""Figures that somebody asked for, as a person reads them."""

from __future__ import annotations

from meta.look.replay_page import SHORT_ID
from meta.look.table import format_table
from meta.measure.measurement import Measurement
from meta.measure.selftest import SelftestResult
from meta.rates import describe_cost


def measurement_page(measured: Measurement) -> str:
    """Show each ticket with its first failure, then the rates and the cost."""
    outcomes, tests, hat = measured.outcomes, measured.tests_outcomes, measured.pass_hat_k
    rows = [
        (
            t.id,
            f"{sum(tests[t.id])}/{len(runs)}",
            f"{sum(runs)}/{len(runs)}",
            *_first_failure(measured, t.id),
        )
        for t in measured.tickets
        if (runs := outcomes.get(t.id, []))
    ]
    lines = [
        format_table(rows, ["ticket", "tests", "as it is", "replay", "first failure"]),
        "",
        f"passes the tests          {measured.passes_tests}",
        f"would be merged as it is  {measured.one_shot}   <- one-shot success, {measured.one_shot.n} tickets",
        f"pass^{measured.k:<21}{'unknown' if hat is None else f'{hat:.0%}'}",
        f"cost                      {describe_cost(measured.replays)}",
    ]
    if voids := measured.voids:
        why = _first_line(voids[0].reason, 120)
        lines.append(f"void                      {len(voids)} replays, which count for nothing: {why}")
    if any(row[3] for row in rows):
        lines.append("`meta replay show ID` shows why a replay failed, and all that was said and done")
    return "\n".join(lines)


def selftest_page(result: SelftestResult) -> str:
    """Show how many no-op edits were kept, beside what the gate promises."""
    lines = [
        f"{result.nulls} edits that change nothing, through the real gate (worker: {result.worker}):",
        f"  kept        {result.kept} ({result.rate:.1%}; 95 % interval {result.low:.1%} to {result.high:.1%})",
        f"  promise     at most {result.alpha:.0%}",
        f"  replays     {result.replays_per_null:.0f} each",
    ]
    if result.power is None or result.replays_per_candidate is None:
        lines.append(f"  spent       {result.replays} replays ({result.void} void) on {result.tickets} tickets")
        return "\n".join([*lines, f"{result.seconds} s"])
    if result.hidden:
        lines.append("edits that change nothing and hide failures as void replays:")
    for hidden in result.hidden or ():
        lines.append(
            f"  {hidden.share:4.0%} hidden kept {hidden.kept} of {hidden.nulls} "
            f"({hidden.rate:.1%}; 95 % interval {hidden.low:.1%} to {hidden.high:.1%})"
        )
    lines.append(f"edits that help, on {result.tickets} held-out tickets:")
    for effect, rate in result.power.items():
        replays = result.replays_per_candidate[effect]
        lines.append(f"  {float(effect):+.0%}        kept in {rate:.0%}, {replays:.0f} replays each")
    return "\n".join([*lines, f"{result.seconds} s"])


def _first_failure(measured: Measurement, ticket: str) -> tuple[str, str]:
    failed = measured.first_failure(ticket)
    return (failed.id[:SHORT_ID], _first_line(failed.reason, 90)) if failed else ("", "")


def _first_line(text: str, most: int) -> str:
    return next(iter(text.splitlines()), "")[:most]
