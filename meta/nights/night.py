"""A night by itself: ingest, admit, tune, merge and publish where the team chose so, compare, clean up, report.

Each stage is written down when it is done; a night that was killed goes on with the first that is not.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from meta.context import Context
from meta.errors import BudgetSpent, MetaError, ServiceDown
from meta.ingest import ingest
from meta.nights.account import Account, gather
from meta.nights.deadline import Deadline, InTime
from meta.nights.keep import clean, look_after
from meta.nights.notice import send
from meta.nights.promises import raise_drops
from meta.nights.unattended import merge_kept, publish_pending
from meta.spend.purse import Caps, Purse
from meta.store import stages
from meta.store import tuning as records
from meta.tickets.admit_all import admit_all
from meta.tickets.still_there import quarantine_lost
from meta.tune.run import tune

DONE, FAILED, NOTHING, BUDGET = 0, 1, 3, 4
FIRST_PAUSE, LONGEST_PAUSE = 15.0, 600.0
"""Seconds between looks at a service that does not answer; each pause is twice the one before."""


@dataclass(frozen=True)
class Over:
    """How a night ended: the exit code, and its account."""

    code: int
    account: Account


def nightly(context: Context, until: str = "") -> Over:
    """One night, or the rest of one that was interrupted. What stops it is in the account; nothing is lost."""
    nightly, store = context.settings.nightly, context.store
    deadline = Deadline(until or nightly.until)
    look_after(context)
    context.night, resumed = stages.take_up(store, context.settings.tune.replays)
    if resumed:
        context.tell(f"night {context.night} was interrupted and is taken up again")
    context.purse = Purse(store.ledger, Caps(nightly.usd, nightly.tokens), store.ledger.spent(context.night))
    context.limit_executor(lambda executor: InTime(executor, deadline))

    stopped: MetaError | None = None
    try:
        with deadline.enforced():
            _stage(context, "ingest", lambda: _ingested(context))
            _stage(context, "tickets", lambda: _admitted(context))
            _stage(context, "tune", lambda: _tuned(context, deadline))
    except BudgetSpent as spent:
        stopped = spent
        end_early(context, spent)
    except MetaError as error:
        stopped = error
    finally:
        context.purse.stop("the night is over")
    if isinstance(stopped, BudgetSpent) or stopped is None:
        _stage(context, "merge", lambda: {"merged": merge_kept(context)})
        _stage(context, "publish", lambda: publish_pending(context))
        _stage(context, "compare", lambda: {"promises": raise_drops(context)})
        _stage(context, "clean", lambda: clean(context))
    return report(context, stopped)


def report(context: Context, stopped: MetaError | None) -> Over:
    """Send the account. A night that failed stays open: the next start goes on with it."""
    night = context.night
    assert night is not None
    account = gather(context, night, stopped)
    problem = send(context.settings.nightly, account)
    if problem:
        context.tell(f"the account could not be sent: {problem}")
    over = stopped is None or stopped.code != FAILED
    if over:
        stages.done(context.store, night, stages.REPORT, {"sent": not problem})
    if stopped is not None:
        return Over(stopped.code, account)
    if account.out_of_budget:
        return Over(BUDGET, account)
    return Over(NOTHING if account.is_nothing else DONE, account)


def end_early(context: Context, spent: BudgetSpent) -> None:
    """Close the night whose time, money or tokens are used up; what is in testing goes on in the next one."""
    store, night = context.store, context.night
    assert night is not None
    context.tell(f"the night ends here: {spent.message}")
    if not stages.is_tuned(store, night):
        own = {c.id for c in records.candidates(store, "night = ?", night)}
        kept = [p.id for p in records.proposals(store) if p.candidate in own]
        used = records.replays_used(store, night)
        records.end_night(store, night, {"replays": used, "kept": kept, "stopped": spent.message})


def _stage(context: Context, name: str, work: Callable[[], dict[str, Any]]) -> None:
    assert context.night is not None
    if name not in stages.details(context.store, context.night):
        records.set_stage(context.store, context.night, name)
        detail = work()
        stages.done(context.store, context.night, name, detail)


def _ingested(context: Context) -> dict[str, Any]:
    """What came in. A source that cannot be read is named in the account; the night goes on with what is known."""
    kinds: dict[str, int] = {}
    problems: list[str] = []
    try:
        for source in ingest(context, []):
            problems += source.problems
            for kind, n in source.kinds.items():
                kinds[kind] = kinds.get(kind, 0) + n
    except MetaError as error:
        problems.append(error.message)
    return {"kinds": kinds, "problems": problems}


def _admitted(context: Context) -> dict[str, Any]:
    lost = quarantine_lost(context)
    found = admit_all(context)
    return {
        "admitted": sum(a.status == "admitted" for a in found),
        "quarantined": sum(a.status == "quarantined" for a in found),
        "problems": [f"{a.ticket}: {a.reason.splitlines()[0]}" for a in lost],
    }


def _tuned(context: Context, deadline: Deadline) -> dict[str, Any]:
    """Tune, waiting for a service that does not answer as long as the settings allow."""
    assert context.night is not None
    waited, pause, patience = 0.0, FIRST_PAUSE, context.settings.nightly.patience_minutes * 60
    while not stages.is_tuned(context.store, context.night):
        try:
            return {"out_of_budget": tune(context).out_of_budget}
        except ServiceDown as down:
            if waited >= patience:
                raise
            pause = min(pause, patience - waited)
            context.tell(f"{down.message}; trying again in {pause:.0f} s")
            deadline.sleep(pause)
            waited, pause = waited + pause, min(2 * pause, LONGEST_PAUSE)
    return {}
