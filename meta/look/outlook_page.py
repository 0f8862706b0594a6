"""What a night can show, as a person reads it before it begins."""

from __future__ import annotations

from meta.tune.outlook import NightOutlook


def outlook_page(found: NightOutlook) -> list[str]:
    """The chances of a gain to be kept and what they cost, then advice; a line each."""
    if not found.tested:
        return ["no admitted ticket yet: nothing can be tested"]
    lines = [
        f"what tonight can show: {found.tested} held-out tickets, {found.budget} replays, at most "
        f"{found.alpha:.2%} of edits without gain kept"
    ]
    for chance in found.chances:
        if chance.gain > found.reachable:
            lines.append(f"  {chance.gain:+.0%}  more than these tickets leave room for ({found.reachable:+.0%})")
            continue
        money = "" if chance.usd is None else f", ${chance.usd:.2f}"
        kept, spent = f"{chance.power:.0%}", f"{chance.replays:.0f} replays a test{money}"
        lines.append(f"  {chance.gain:+.0%}  kept in about {kept} of cases, {spent}")
    if found.detectable is None:
        lines.append("  so nothing that an edit is likely to bring can be told from luck; what would help:")
    return [*lines, *(f"  - {line}" for line in found.advice)]
