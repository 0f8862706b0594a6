"""What a night did, in one page: what was tried, kept or refused and why, what it cost, what to decide."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from meta.context import Context
from meta.errors import MetaError
from meta.nights.promises import Promise
from meta.records import Record
from meta.store import stages
from meta.store.ledger import SPENT, Spent
from meta.store.store import Store
from meta.store.tuning import candidates, proposals


class Cost(Record):
    """Model calls of one role or candidate. Dollars are `None` where a part has no price, cache counts where a
    service does not report them."""

    role: str = ""
    model: str = ""
    calls: int = 0
    tokens: int = 0
    cache_read_tokens: int | None = None
    cache_write_tokens: int | None = None
    usd: float | None = None

    def __str__(self) -> str:
        money = "cost unknown" if self.usd is None else f"${self.usd:.2f}"
        return f"{money}, {self.tokens:,} tokens, {self.calls:,} calls"


class Tried(Record):
    """An edit that the night dealt with, and what all its replays have cost, in this night and before."""

    candidate: int
    title: str
    status: str
    why: str
    replays: int
    cost: Cost
    proposal: int | None = None


class Decision(Record):
    """Something that waits for a person, and the command that settles it."""

    what: str
    command: str


class Account(Record):
    """One night."""

    night: int
    begun: str
    stopped: str = ""
    """Why it ended before its work was done; empty when it did not."""
    do: str = ""
    failed: bool = False
    out_of_budget: bool = False
    feedback: dict[str, int] = Field(default_factory=dict)
    causes: tuple[int, int] = (0, 0)
    """Pull requests that the model was asked about, and how many of these have a cause now."""
    admitted: int = 0
    quarantined: int = 0
    replays: int = 0
    void: int = 0
    tried: tuple[Tried, ...] = ()
    merged: tuple[int, ...] = ()
    published: tuple[str, ...] = ()
    promises: tuple[Promise, ...] = ()
    decide: tuple[Decision, ...] = ()
    costs: tuple[Cost, ...] = ()
    cost: Cost = Cost()
    for_each_kept: float | None = None
    """Dollars of the whole night for each edit that it kept; `None` without any, or without prices."""
    problems: tuple[str, ...] = ()

    @property
    def is_nothing(self) -> bool:
        """Whether nothing was done: no news, no replay, no edit."""
        return not (
            self.stopped or self.feedback or self.causes[0] or self.admitted or self.quarantined or self.replays
            or self.tried or self.merged or self.published or self.problems
        )  # fmt: skip


def gather(context: Context, night: int, stopped: MetaError | None = None) -> Account:
    """The account of a night as far as it has come."""
    store = context.store
    row = store.one("select started_at, report from nights where id = ?", night) or {"started_at": "", "report": None}
    detail = stages.details(store, night)
    counted = store.one("select count(*) as n, sum(verdict = 'void') as void from replays where night = ?", night)
    tried = _tried(store, night)
    total = _cost(store, "night = ?", night)
    kept = sum(t.status == "kept" for t in tried)
    promises = tuple(Promise.model_validate(p) for p in detail.get("compare", {}).get("promises", []))
    problems = [p for stage in detail.values() for p in stage.get("problems", [])]
    return Account(
        night=night,
        begun=row["started_at"],
        stopped=stopped.message if stopped else "",
        do=stopped.do if stopped else "",
        failed=bool(stopped and stopped.code == 1),
        out_of_budget=bool(detail.get("tune", {}).get("out_of_budget")),
        feedback=detail.get("ingest", {}).get("kinds", {}),
        causes=(detail.get("causes", {}).get("asked", 0), detail.get("causes", {}).get("found", 0)),
        admitted=sum(stage.get("admitted", 0) for stage in detail.values()),
        quarantined=sum(stage.get("quarantined", 0) for stage in detail.values()),
        replays=counted["n"] if counted else 0,
        void=(counted["void"] or 0) if counted else 0,
        tried=tried,
        merged=tuple(detail.get("merge", {}).get("merged", [])),
        published=tuple(detail.get("publish", {}).get("published", [])),
        promises=promises,
        decide=tuple(_to_decide(store, promises)),
        costs=tuple(_by_role(store, night)),
        cost=total,
        for_each_kept=total.usd / kept if kept and total.usd is not None else None,
        problems=tuple(problems),
    )


def _tried(store: Store, night: int) -> tuple[Tried, ...]:
    """The night's own edits, and those of earlier nights that it went on testing."""
    known = {p.candidate: p.id for p in proposals(store)}
    where = "night = ? or id in (select candidate from replays where night = ? and candidate is not null)"
    found = []
    for candidate in candidates(store, where, night, night):
        made = store.one("select count(*) as n from replays where candidate = ?", candidate.id)
        found.append(
            Tried(
                candidate=candidate.id,
                title=candidate.edit.title,
                status=candidate.status,
                why=candidate.why,
                replays=made["n"] if made else 0,
                cost=_cost(store, "candidate = ?", candidate.id),
                proposal=known.get(candidate.id),
            )
        )
    return tuple(found)


def _cost(store: Store, where: str, *values: object) -> Cost:
    spent = Spent(*store.db.conn.execute(f"select {SPENT} from calls where {where}", values).fetchone())
    return Cost(calls=spent.calls, tokens=spent.tokens, usd=spent.known_usd)


def _by_role(store: Store, night: int) -> list[Cost]:
    rows = store.db.conn.execute(
        f"select role, coalesce(model, asked, ''), sum(cache_read_tokens), sum(cache_write_tokens), {SPENT} from calls"
        " where night = ? group by 1, 2 order by 1, 2", (night,),
    )  # fmt: skip
    found = []
    for role, model, read, written, *sums in rows:
        spent = Spent(*sums)
        found.append(
            Cost(
                role=role, model=model, calls=spent.calls, tokens=spent.tokens, cache_read_tokens=read,
                cache_write_tokens=written, usd=spent.known_usd,
            )
        )  # fmt: skip
    return found


def _to_decide(store: Store, promises: tuple[Promise, ...]) -> list[Decision]:
    found = [
        Decision(what=f"proposal {p.id}: {candidates(store, 'id = ?', p.candidate)[0].edit.title}",
                 command=f"meta proposals show {p.id}")
        for p in proposals(store, "status = 'pending'")
    ]  # fmt: skip
    return found + [
        Decision(what=f"roll back proposal {p.proposal}? {p.words}", command=f"meta proposals rollback {p.proposal}")
        for p in promises
        if p.dropped
    ]


def page(account: Account) -> str:
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


def newest(context: Context) -> Account | None:
    """The account of the last night that began."""
    row: dict[str, Any] | None = context.store.one("select max(night) as n from stages where stage = 'begun'")
    return gather(context, row["n"]) if row and row["n"] else None
