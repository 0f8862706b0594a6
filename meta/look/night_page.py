"""DOCSTRING meta.look.night_page."""

from __future__ import annotations

from meta.records.account import Account, Cost


def night_page(account: Account) -> str:
    """The account for a person. Nothing to say is said in one line."""
    a = account
    head = f"night {a.night} of {a.begun[:16].replace('T', ' ')}"
    if a.is_nothing and not a.decide:
        return f"{head}: nothing new, nothing done"
    kept = sum(t.status == "kept" for t in a.tried)
    lines = [f"{head}: {len(a.tried)} edits tried, {kept} kept, {a.replays} replays ({a.void} void), {a.cost}"]
    if a.stopped:
        lines += [f"{'STOPPED' if a.failed else 'ended early'}: {a.stopped}", *([f"  -> {a.do}"] if a.do else [])]
    elif a.out_of_budget:
        lines.append("ended early: the replays of the budget are used; what is in testing goes on in the next night")
    if a.feedback:
        lines.append("came back: " + ", ".join(f"{n} {kind}" for kind, n in sorted(a.feedback.items())))
    if a.causes[0]:
        lines.append(f"causes: the model was asked about {a.causes[0]}, and could prove one for {a.causes[1]}")
    if a.admitted or a.quarantined:
        lines.append(f"tickets: {a.admitted} admitted, {a.quarantined} quarantined")
    if a.tried:
        lines.append("\ntried")
        for t in a.tried:
            status = t.status.replace("_", " ") + (f" (proposal {t.proposal})" if t.proposal else "")
            lines.append(f"  {status}: {t.title}: {t.replays} replays, {t.cost}")
            lines += [f"    {_short(t.why)}"] if t.why else []
    if a.merged or a.published:
        lines.append("\ndone without a person, as meta.toml says")
        lines += [f"  merged proposal {n}" for n in a.merged] + [f"  published {where}" for where in a.published]
    if a.promises:
        lines.append("\npromise and reality")
        lines += [f"  proposal {p.proposal}: {p.words}" for p in a.promises]
    if a.costs:
        lines.append("\ncost")
        lines += [f"  {c.role} ({c.model}): {c}{_cache(c)}" for c in a.costs]
        if a.for_each_kept is not None:
            lines.append(f"  for each kept edit, all in: ${a.for_each_kept:.2f}")
    if a.problems:
        lines.append("\nproblems")
        lines += [f"  {_short(p)}" for p in a.problems[:10]]
        lines += [f"  and {len(a.problems) - 10} more"] if len(a.problems) > 10 else []
    if a.decide:
        lines.append("\nto decide")
        lines += [f"  {d.what}\n    `{d.command}`" for d in a.decide]
    return "\n".join(lines)


def _cache(cost: Cost) -> str:
    if cost.cache_read_tokens is None and cost.cache_write_tokens is None:
        return ""
    return f"; {cost.cache_read_tokens or 0:,} tokens read from the cache, {cost.cache_write_tokens or 0:,} written"


def _short(text: str, limit: int = 240) -> str:
    line = " ".join(text.split())
    return line if len(line) <= limit else line[: limit - 3] + "..."
