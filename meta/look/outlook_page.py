"""What a night can detect, before it spends anything."""

from __future__ import annotations

from meta.tune.outlook import NightOutlook


def outlook_page(found: NightOutlook) -> list[str]:
    """Say which gains a night would detect at what cost, then what would help."""
    if not found.tested:
        return ["no ticket is admitted yet, so nothing can be tested"]
    lines = [
        f"tonight: {found.tested} held-out tickets, {found.budget} replays; "
        f"a useless edit is kept at most {100 * found.alpha:.3g}% of the time"
    ]
    for chance in found.chances:
        if chance.gain > found.reachable:
            lines.append(f"  {chance.gain:+.0%}  more than these tickets leave room for ({found.reachable:+.0%})")
            continue
        money = "" if chance.usd is None else f", ${chance.usd:.2f}"
        kept, spent = f"{chance.power:.0%}", f"{chance.replays:.0f} replays a test{money}"
        lines.append(f"  {chance.gain:+.0%}  kept about {kept} of the time, {spent}")
    if found.detectable is None:
        lines.append("  so no gain that an edit is likely to bring can be told from luck; what would help:")
    return [*lines, *(f"  - {line}" for line in found.advice)]
