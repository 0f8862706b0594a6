"""A night by itself: take in what is new, tune, merge and publish where the team chose so, compare, clean up, report.

Each stage is written down when it is done; a night that was killed goes on with the first that is not.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from meta.context import Context
from meta.errors import BudgetSpent, MetaError
from meta.nights import intake
from meta.nights.account import Account, gather
from meta.nights.deadline import Deadline, InTime
from meta.nights.keep import clean, look_after
from meta.nights.notice import send
from meta.nights.patience import Patience
from meta.nights.promises import raise_drops
from meta.nights.unattended import merge_kept, publish_pending
from meta.spend.purse import Caps, Purse
from meta.store import stages
from meta.store import tuning as records
from meta.trouble import explained
from meta.tune.run import tune

DONE, FAILED, NOTHING, BUDGET = 0, 1, 3, 4


@dataclass(frozen=True)
class Over:
    """How a night ended: the exit code, and its account."""

    code: int
    account: Account


def nightly(context: Context, until: str = "", deadline: Deadline | None = None) -> Over:
    """One night, or the rest of one that was interrupted. What stops it is in the account; nothing is lost."""
    nightly, store = context.settings.nightly, context.store
    deadline = deadline or Deadline(until or nightly.until)
    patience = Patience(nightly.patience_minutes * 60, deadline.sleep, context.tell)
    look_after(context)
    context.night, resumed = stages.take_up(store, context.settings.tune.replays)
    if resumed:
        context.tell(f"night {context.night} was interrupted and is taken up again")
    context.purse = Purse(store.ledger, Caps(nightly.usd, nightly.tokens), store.ledger.spent(context.night))
    context.limit_executor(lambda executor: InTime(executor, deadline))

    stopped: MetaError | None = None
    try:
        with deadline.enforced():
            _stage(context, "ingest", lambda: intake.ingested(context))
            _stage(context, "causes", lambda: patience.through(lambda: intake.judged(context)))
            _stage(context, "feedback tickets", lambda: patience.through(lambda: intake.tried(context, deadline)))
            _stage(context, "mined tickets", lambda: intake.mined(context, deadline))
            _stage(context, "tickets", lambda: intake.admitted(context))
            _stage(context, "tune", lambda: patience.through(lambda: tuned(context)))
    except BudgetSpent as spent:
        stopped = spent
        end_early(context, spent)
    except Exception as error:  # what a person can mend belongs into the account as well
        stopped = explained(error, store.path)
        if stopped is None:
            raise
    finally:
        context.purse.stop("the night is over")
    if isinstance(stopped, BudgetSpent) or stopped is None:
        _stage(context, "merge", lambda: {"merged": merge_kept(context)})
        _stage(context, "publish", lambda: publish_pending(context))
        _stage(context, "compare", lambda: {"promises": raise_drops(context)})
        _stage(context, "clean", lambda: clean(context))
    return report(context, stopped)


def tuned(context: Context) -> dict[str, Any]:
    """Tune, unless that came to its end before the night was killed."""
    assert context.night is not None
    if stages.is_tuned(context.store, context.night):
        return {}
    return {"out_of_budget": tune(context).out_of_budget}


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
