"""Where things stand, and what to do next.

It uses the standard library only, so that `meta status` answers at once.
"""

from __future__ import annotations

from typing import Any

from meta.interval import wilson_interval_of


def status_page(found: dict[str, Any]) -> str:
    """Show what `meta.store.summary` found, and the next sensible command."""
    night = found["night"]
    lines = [
        f"in use      {_version(found)}",
        *_trend(found["trend"]),
        f"tickets     {_counts(found['tickets'])}; {found['held_out']} held out",
        f"feedback    {_counts(found['feedback'])}",
        f"edits       {_counts(found['candidates'])}",
        f"proposals   {_counts(found['proposals'])}",
        f"spent       {found['replays']} replays ({found['void']} void), {found['tokens']:,} tokens, {_money(found)}",
        *(f"promise     {_promise(promise)}" for promise in found["promises"]),
    ]
    if night:
        unfinished = "" if night["ended_at"] else ", unfinished"
        lines.append(f"last night  began {night['started_at'][:16].replace('T', ' ')}{unfinished}")
    return "\n".join([*lines, f"next        {next_step(found)}"])


def empty_page(has_settings: bool) -> str:
    """Show what to do in a folder without runs.db."""
    if has_settings:
        return (
            "nothing has been recorded here yet\n"
            "next        `meta doctor` checks this machine; `meta ingest-feedback` reads how pull requests ended"
        )
    return (
        "there is no meta.toml here yet\n"
        "next        `meta demo` shows the whole loop offline; `meta init` sets up this folder"
    )


def next_step(found: dict[str, Any]) -> str:
    """Name the next sensible command, and what it does."""
    dropped = [promise["proposal"] for promise in found["promises"] if promise["dropped"]]
    if pending := found["proposals"].get("pending"):
        return f"`meta propose` reviews {_number(pending, 'pending proposal')}"
    if dropped:
        return f"`meta proposals rollback {dropped[0]}` undoes a change after which success dropped"
    if found["night"] and not found["night"]["ended_at"]:
        return "`meta nightly` resumes the unfinished night"
    if new := found["tickets"].get("new"):
        return f"`meta tickets check` admits or quarantines {_number(new, 'new ticket')}"
    if not found["tickets"].get("admitted"):
        if found["feedback"]:
            return "`meta tickets from-feedback` makes tickets from the pull requests that came back"
        return "`meta tickets mine PATH` makes tickets from a repository's history"
    if not found["replays"]:
        return "`meta replay` measures the agent on your tickets"
    return "`meta nightly` runs a night; `meta schedule install` runs one every night"


def _version(found: dict[str, Any]) -> str:
    if not found["version"]:
        return "nothing has been replayed yet"
    share, number, rate = found["one_shot"], found["measured_on"], "not measured yet"
    if share is not None:
        low, high = wilson_interval_of(share, number)
        rate = f"{share:.0%} ({low:.0%} to {high:.0%}) on {number} tickets; {found['passes_tests']:.0%} pass the tests"
    return f"{found['version'][:10]} since {found['since'][:10]}, one-shot success {rate}"


def _trend(trend: list[dict[str, Any]]) -> list[str]:
    if len(trend) < 2:
        return []
    steps = [f"{step['version'][:8]} {step['share']:.0%}" for step in trend]
    return [f"trend       {' -> '.join(steps)}"]


def _money(found: dict[str, Any]) -> str:
    return "cost unknown (no price set)" if found["usd"] is None else f"${found['usd']:.2f}"


def _promise(promise: dict[str, Any]) -> str:
    before, after = (_merged(promise[side]) for side in ("before", "after"))
    promised = promise["promised"]
    replays = f"replays {promised[0]:.0%} -> {promised[1]:.0%}; " if promised else ""
    drop = f"; IT DROPPED: `meta proposals rollback {promise['proposal']}`" if promise["dropped"] else ""
    return (
        f"proposal {promise['proposal']}: {replays}pull requests merged unchanged: {before} before, {after} since{drop}"
    )


def _merged(side: dict[str, int]) -> str:
    if not side["of"]:
        return "none"
    share = side["merged"] / side["of"]
    low, high = wilson_interval_of(share, side["of"])
    return f"{share:.0%} ({low:.0%} to {high:.0%}) of {side['of']}"


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{number} {name.replace('_', ' ')}" for name, number in sorted(counts.items())) or "none"


def _number(number: int, what: str) -> str:
    return f"{number} {what}{'s' if number > 1 else ''}"
