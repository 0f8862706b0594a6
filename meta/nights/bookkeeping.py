"""What a night did, in one page: what was tried, kept or refused and why, what it cost, what to decide."""

from __future__ import annotations

from typing import Any

from meta.app import Context
from meta.errors import MetaError
from meta.records.account import Account, Cost, PendingDecision, Promise, TriedEdit
from meta.store import nights
from meta.store.calls import SPENDING_COLUMNS, Spending
from meta.store.candidates import find_candidates
from meta.store.proposals import find_proposals
from meta.store.store import Store


def gather_account(context: Context, night: int, stopped: MetaError | None = None) -> Account:
    """The account of a night as far as it has come."""
    store = context.store
    row = store.one("select started_at, report from nights where id = ?", night) or {"started_at": "", "report": None}
    detail = nights.stage_results(store, night)
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


def _tried(store: Store, night: int) -> tuple[TriedEdit, ...]:
    """The night's own edits, and those of earlier nights that it went on testing."""
    known = {p.candidate: p.id for p in find_proposals(store)}
    where = "night = ? or id in (select candidate from replays where night = ? and candidate is not null)"
    found = []
    for candidate in find_candidates(store, where, night, night):
        made = store.one("select count(*) as n from replays where candidate = ?", candidate.id)
        found.append(
            TriedEdit(
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
    spent = Spending(*store.db.conn.execute(f"select {SPENDING_COLUMNS} from calls where {where}", values).fetchone())
    return Cost(calls=spent.calls, tokens=spent.tokens, usd=spent.known_usd)


def _by_role(store: Store, night: int) -> list[Cost]:
    rows = store.db.conn.execute(
        f"select role, coalesce(model, asked, ''), sum(cache_read_tokens), sum(cache_write_tokens), "
        f"{SPENDING_COLUMNS} from calls"
        " where night = ? group by 1, 2 order by 1, 2",
        (night,),
    )
    found = []
    for role, model, read, written, *sums in rows:
        spent = Spending(*sums)
        found.append(
            Cost(
                role=role,
                model=model,
                calls=spent.calls,
                tokens=spent.tokens,
                cache_read_tokens=read,
                cache_write_tokens=written,
                usd=spent.known_usd,
            )
        )
    return found


def _to_decide(store: Store, promises: tuple[Promise, ...]) -> list[PendingDecision]:
    found = [
        PendingDecision(
            what=f"proposal {p.id}: {find_candidates(store, 'id = ?', p.candidate)[0].edit.title}",
            command=f"meta proposals show {p.id}",
        )
        for p in find_proposals(store, "status = 'pending'")
    ]
    return found + [
        PendingDecision(
            what=f"roll back proposal {p.proposal}? {p.words}", command=f"meta proposals rollback {p.proposal}"
        )
        for p in promises
        if p.dropped
    ]


def find_newest_account(context: Context) -> Account | None:
    """The account of the last night that began."""
    row: dict[str, Any] | None = context.store.one("select max(night) as n from stages where stage = 'begun'")
    return gather_account(context, row["n"]) if row and row["n"] else None
