"""DOCSTRING meta.look.measurement_page."""

from __future__ import annotations

from typing import Any


def selftest_page(found: dict[str, Any]) -> str:
    """The same for a person."""
    lines = [
        f"{found['nulls']} edits that change nothing, through the real gate (worker: {found['worker']}):",
        f"  kept        {found['kept']} ({found['rate']:.1%}; 95 % interval {found['low']:.1%} to {found['high']:.1%})",
        f"  promise     the gate promises at most {found['alpha']:.0%}",
        f"  replays     {found['replays_per_null']:.0f} each",
    ]
    if "power" not in found:  # with real replays the truth of an edit that helps is not known
        lines.append(f"  spent       {found['replays']} replays ({found['void']} void) on {found['tickets']} tickets")
        return "\n".join([*lines, f"{found['seconds']} s"])
    lines.append(f"edits that help, on {found['tickets']} held-out tickets:")
    for effect, rate in found["power"].items():
        replays = found["replays_per_candidate"][effect]
        lines.append(f"  {float(effect):+.0%}        kept in {rate:.0%}, {replays:.0f} replays each")
    return "\n".join([*lines, f"{found['seconds']} s"])
