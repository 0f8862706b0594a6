"""Where things stand. Reads runs.db with the standard library alone, so that it answers at once."""

from __future__ import annotations

from typing import Any


def status_page(found: dict[str, Any]) -> str:
    """The same for a person."""
    from meta.interval import wilson_interval_of

    lines = []
    if found["version"]:
        n, share = found["measured_on"], found["one_shot"]
        rate = "not measured yet"
        if share is not None:
            low, high = wilson_interval_of(share, n)
            rate = f"{share:.0%} ({low:.0%} to {high:.0%}) on {n} tickets; {found['passes_tests']:.0%} pass the tests"
        lines.append(f"in use      {found['version'][:10]} since {found['since'][:10]}, one-shot success {rate}")
    else:
        lines.append("in use      nothing has been replayed yet")
    if len(found["trend"]) > 1:
        steps = [f"{t['version'][:8]} {t['share']:.0%}" for t in found["trend"]]
        lines.append(f"trend       {' -> '.join(steps)}")
    lines.append(f"tickets     {_counts(found['tickets'])}; {found['held_out']} held out")
    lines.append(f"feedback    {_counts(found['feedback'])}")
    lines.append(f"edits       {_counts(found['candidates'])}")
    lines.append(f"proposals   {_counts(found['proposals'])}")
    money = "cost unknown (no price set)" if found["usd"] is None else f"${found['usd']:.2f}"
    lines.append(f"spent       {found['replays']} replays ({found['void']} void), {found['tokens']:,} tokens, {money}")
    for promise in found["promises"]:
        before, after = (_share(promise[side]) for side in ("before", "after"))
        drop = f"; A DROP: `meta proposals rollback {promise['proposal']}`" if promise["dropped"] else ""
        seen = f"pull requests merged as they were: before {before}, since {after}{drop}"
        promised = promise["promised"]
        said = f"replays {promised[0]:.0%} -> {promised[1]:.0%}; " if promised else ""
        lines.append(f"promise     proposal {promise['proposal']}: {said}{seen}")
    night = found["night"]
    if night:
        lines.append(f"last night  {'unfinished, ' if not night['ended_at'] else ''}begun {night['started_at']}")
    if found["proposals"].get("pending"):
        lines.append("next        `meta propose` reviews what is pending")
    return "\n".join(lines)


def _share(side: dict[str, int]) -> str:
    from meta.interval import wilson_interval_of

    if not side["of"]:
        return "none yet"
    share = side["merged"] / side["of"]
    low, high = wilson_interval_of(share, side["of"])
    return f"{share:.0%} ({low:.0%} to {high:.0%}) of {side['of']}"


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{n} {name.replace('_', ' ')}" for name, n in sorted(counts.items())) or "none"
