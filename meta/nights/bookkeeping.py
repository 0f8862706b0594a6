"""What a night did, in one page: what was tried, kept or refused and why, what it cost, what to decide."""

from __future__ import annotations

from meta.app import Context
from meta.errors import MetaError
from meta.records.account import Account, PendingDecision, Promise, TriedEdit
from meta.store.store import Store


def gather_account(context: Context, night: int, stopped: MetaError | None = None) -> Account:
    """The account of a night as far as it has come."""
    store = context.store
    detail = store.nights.stage_results(night)
    counted = store.replays.count_of_night(night)
    tried = _tried(store, night)
    total = store.calls.cost_of_night(night)
    kept = sum(t.status == "kept" for t in tried)
    promises = tuple(Promise.model_validate(p) for p in detail.get("compare", {}).get("promises", []))
    problems = [p for stage in detail.values() for p in stage.get("problems", [])]
    return Account(
        night=night,
        begun=store.nights.started_at(night),
        stopped=stopped.message if stopped else "",
        do=stopped.do if stopped else "",
        failed=bool(stopped and stopped.code == 1),
        out_of_budget=bool(detail.get("tune", {}).get("out_of_budget")),
        feedback=detail.get("ingest", {}).get("kinds", {}),
        causes=(detail.get("causes", {}).get("asked", 0), detail.get("causes", {}).get("found", 0)),
        admitted=sum(stage.get("admitted", 0) for stage in detail.values()),
        quarantined=sum(stage.get("quarantined", 0) for stage in detail.values()),
        replays=counted.made,
        void=counted.void,
        tried=tried,
        merged=tuple(detail.get("merge", {}).get("merged", [])),
        published=tuple(detail.get("publish", {}).get("published", [])),
        promises=promises,
        decide=tuple(_to_decide(store, promises)),
        costs=tuple(store.calls.costs_by_role(night)),
        cost=total,
        for_each_kept=total.usd / kept if kept and total.usd is not None else None,
        problems=tuple(problems),
    )


def _tried(store: Store, night: int) -> tuple[TriedEdit, ...]:
    """The night's own edits, and those of earlier nights that it went on testing."""
    known = {p.candidate: p.id for p in store.proposals.all()}
    return tuple(
        TriedEdit(
            candidate=candidate.id,
            title=candidate.edit.title,
            status=candidate.status,
            why=candidate.why,
            replays=store.replays.count_of_candidate(candidate.id),
            cost=store.calls.cost_of_candidate(candidate.id),
            proposal=known.get(candidate.id),
        )
        for candidate in store.candidates.worked_on(night)
    )


def _to_decide(store: Store, promises: tuple[Promise, ...]) -> list[PendingDecision]:
    found = [
        PendingDecision(
            what=f"proposal {p.id}: {store.candidates.find(p.candidate).edit.title}",
            command=f"meta proposals show {p.id}",
        )
        for p in store.proposals.pending()
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
    night = context.store.nights.newest_unattended()
    return gather_account(context, night) if night else None
