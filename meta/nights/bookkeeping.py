"""The account of a night, and its end.

It says what was tried, what was kept or refused and why, what it cost, and what there is to decide.
"""

from __future__ import annotations

from dataclasses import dataclass

from meta.errors import BudgetSpent, ExitCode, MetaError
from meta.nights.stages import Stage
from meta.nights.webhook import send_account
from meta.project import Project
from meta.records.account import Account, Night, PendingDecision, Promise, TriedEdit
from meta.store.nights import STAGE_REPORT
from meta.store.store import Store


@dataclass(frozen=True)
class NightEnd:
    """How a night ended."""

    code: ExitCode
    account: Account


def end_tuning_early(store: Store, night: Night, spent: BudgetSpent) -> None:
    """Close the tuning of a night whose time, money or tokens are used up.

    GateRunner that are open go on in the next night.
    """
    if store.nights.is_tuned(night.id):
        return
    own = {candidate.id for candidate in store.candidates.of_night(night.id)}
    kept = [proposal.id for proposal in store.proposals.all() if proposal.candidate in own]
    used = store.replays.count_used(night.id)
    store.nights.end_tuning(night.id, {"replays": used, "kept": kept, "stopped": spent.message})


def finish_night(store: Store, project: Project, night: Night, stopped: MetaError | None) -> NightEnd:
    """Send the account and close the night.

    A night that failed stays open, and the next start resumes it.
    """
    account = gather_account(store, night.id, stopped)
    if problem := send_account(project.settings.nightly, account):
        project.report(f"the report could not be sent: {problem}")
    if not account.failed:
        store.nights.finish_stage(night.id, STAGE_REPORT, {"sent": not problem})
    return NightEnd(_exit_code(account, stopped), account)


def _exit_code(account: Account, stopped: MetaError | None) -> ExitCode:
    if stopped is not None:
        return ExitCode(stopped.code)
    if account.out_of_budget:
        return ExitCode.BUDGET_REACHED
    return ExitCode.NOTHING_TO_DO if account.is_nothing else ExitCode.DONE


def gather_account(store: Store, night: int, stopped: MetaError | None = None) -> Account:
    """Return the account of a night as far as it has come.

    `stopped` is what ended it before its time.
    """
    results = store.nights.stage_results(night)
    replays, cost = store.replays.count_of_night(night), store.calls.cost_of_night(night)
    tried = _tried_edits(store, night)
    kept = sum(edit.status == "kept" for edit in tried)
    promises = tuple(Promise.model_validate(p) for p in results.get(Stage.COMPARE, {}).get("promises", []))
    causes = results.get(Stage.CAUSES, {})
    return Account(
        night=night,
        begun=store.nights.started_at(night),
        stopped=stopped.message if stopped else "",
        do=stopped.remedy if stopped else "",
        failed=stopped is not None and stopped.code == ExitCode.FAILED,
        out_of_budget=bool(results.get(Stage.TUNE, {}).get("out_of_budget")),
        feedback=results.get(Stage.INGEST, {}).get("kinds", {}),
        causes=(causes.get("asked", 0), causes.get("found", 0)),
        admitted=sum(result.get("admitted", 0) for result in results.values()),
        quarantined=sum(result.get("quarantined", 0) for result in results.values()),
        replays=replays.made,
        void=replays.void,
        tried=tried,
        merged=tuple(results.get(Stage.MERGE, {}).get("merged", [])),
        published=tuple(results.get(Stage.PUBLISH, {}).get("published", [])),
        promises=promises,
        decide=tuple(_pending_decisions(store, promises)),
        costs=tuple(store.calls.costs_by_role(night)),
        cost=cost,
        for_each_kept=cost.usd / kept if kept and cost.usd is not None else None,
        problems=tuple(problem for result in results.values() for problem in result.get("problems", [])),
    )


def find_newest_account(store: Store) -> Account | None:
    """Return the account of the night that began last; `None` before the first."""
    night = store.nights.newest_unattended()
    return gather_account(store, night) if night else None


def _tried_edits(store: Store, night: int) -> tuple[TriedEdit, ...]:
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


def _pending_decisions(store: Store, promises: tuple[Promise, ...]) -> list[PendingDecision]:
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
