"""Nights: one on a page, all in a table."""

from __future__ import annotations

from collections.abc import Iterable

from meta.look.table import format_table
from meta.records.account import Account, Cost
from meta.store.nights import NightEntry

MAX_PROBLEMS_SHOWN = 10


def night_page(account: Account) -> str:
    """Show what a night tried, why it kept or refused it, the cost, and what to decide.

    A night with nothing to tell is one line.
    """
    head = f"night {account.night}, {_moment(account.begun)}"
    if account.is_nothing and not account.decide:
        return f"{head}: nothing new, nothing done"
    kept = sum(t.status == "kept" for t in account.tried)
    lines = [
        f"{head}: {len(account.tried)} edits tried, {kept} kept, {account.replays} replays ({account.void} void), "
        f"{account.cost}",
        *_ending(account),
        *_intake(account),
        *_section("tried", _tried(account)),
        *_section("done without a person, as meta.toml allows", _done(account)),
        *_section("promises and reality", (f"proposal {p.proposal}: {p.words}" for p in account.promises)),
        *_section("cost", _costs(account)),
        *_section("problems", _problems(account)),
        *_section("to decide", (line for d in account.decide for line in (d.what, f"  `{d.command}`"))),
    ]
    return "\n".join(lines)


def night_table(nights: Iterable[NightEntry]) -> str:
    """Show a line for each night."""
    rows = [
        (
            night.night,
            _moment(night.began),
            _moment(night.ended) if night.ended else "unfinished",
            f"{night.replays}/{night.budget}",
            night.edits,
            night.kept,
        )
        for night in nights
    ]
    return format_table(rows, ["n", "began", "ended", "replays", "edits", "kept"])


def _section(title: str, lines: Iterable[str]) -> list[str]:
    found = [f"  {line}" for line in lines]
    return [f"\n{title}", *found] if found else []


def _ending(a: Account) -> Iterable[str]:
    if a.stopped:
        yield f"{'STOPPED' if a.failed else 'ended early'}: {a.stopped}"
        if a.do:
            yield f"  -> {a.do}"
    elif a.out_of_budget:
        yield "ended early: the budget of replays is used up; unfinished tests continue in the next night"


def _intake(a: Account) -> Iterable[str]:
    if a.feedback:
        yield "feedback: " + ", ".join(f"{n} {kind}" for kind, n in sorted(a.feedback.items()))
    if a.causes[0]:
        yield f"causes: asked the model about {a.causes[0]}, and it proved one for {a.causes[1]}"
    if a.admitted or a.quarantined:
        yield f"tickets: {a.admitted} admitted, {a.quarantined} quarantined"


def _tried(a: Account) -> Iterable[str]:
    for t in a.tried:
        status = t.status.replace("_", " ") + (f" (proposal {t.proposal})" if t.proposal else "")
        yield f"{status}: {t.title}: {t.replays} replays, {t.cost}"
        if t.why:
            yield f"  {_short(t.why)}"


def _done(a: Account) -> Iterable[str]:
    yield from (f"merged proposal {number}" for number in a.merged)
    yield from (f"published {where}" for where in a.published)


def _costs(a: Account) -> Iterable[str]:
    yield from (f"{c.role} ({c.model}): {c}{_cache(c)}" for c in a.costs)
    if a.costs and a.for_each_kept is not None:
        yield f"for each kept edit, all in: ${a.for_each_kept:.2f}"


def _problems(a: Account) -> Iterable[str]:
    yield from (_short(problem) for problem in a.problems[:MAX_PROBLEMS_SHOWN])
    if len(a.problems) > MAX_PROBLEMS_SHOWN:
        yield f"and {len(a.problems) - MAX_PROBLEMS_SHOWN} more"


def _cache(cost: Cost) -> str:
    if cost.cache_read_tokens is None and cost.cache_write_tokens is None:
        return ""
    return f"; {cost.cache_read_tokens or 0:,} tokens read from the cache, {cost.cache_write_tokens or 0:,} written"


def _moment(at: str) -> str:
    return at[:16].replace("T", " ")


def _short(text: str, limit: int = 240) -> str:
    line = " ".join(text.split())
    return line if len(line) <= limit else line[: limit - 3] + "..."
