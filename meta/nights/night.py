"""A night by itself: take in what is new, tune, merge and publish where the team chose so, compare, clean up, report.

Each stage is written down when it is done; a night that was killed goes on with the first that is not.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from meta.app import App, Context
from meta.error_messages import explain_error
from meta.errors import BudgetSpent, MetaError
from meta.gateway.call_budget import CallBudget, SpendingCaps
from meta.nights import intake
from meta.nights.bookkeeping import gather_account
from meta.nights.deadline import Deadline, DeadlineExecutor
from meta.nights.patience import OutagePatience
from meta.nights.permissions import merge_kept_proposals, publish_pending_proposals
from meta.nights.promises import compare_promises
from meta.nights.tuning import admit_and_tune
from meta.nights.upkeep import check_and_back_up, prune_transcripts
from meta.nights.webhook import send_account
from meta.records.account import Account
from meta.store.nights import STAGE_REPORT

EXIT_DONE, EXIT_FAILED, EXIT_NOTHING, EXIT_BUDGET = 0, 1, 3, 4


@dataclass(frozen=True)
class NightEnd:
    """How a night ended: the exit code, and its account."""

    code: int
    account: Account


def run_night(app: App, until: str = "", deadline: Deadline | None = None) -> NightEnd:
    """One night, or the rest of one that was interrupted. What stops it is in the account; nothing is lost."""
    nightly, store = app.settings.nightly, app.store
    deadline = deadline or Deadline(until or nightly.until)
    patience = OutagePatience(nightly.patience_minutes * 60, deadline.sleep, app.report)
    check_and_back_up(app.context)
    night = store.nights.resume_or_open(app.settings.tune.replays)
    if night.resumed:
        app.report(f"night {night.id} was interrupted and is taken up again")
    budget = CallBudget(store.calls, SpendingCaps(nightly.usd, nightly.tokens), night.id)
    context = Context(app, night, app.models(budget), lambda executor: DeadlineExecutor(executor, deadline))

    stopped: MetaError | None = None
    try:
        with deadline.enforced():
            _stage(context, "ingest", lambda: intake.read_sources(context))
            _stage(context, "causes", lambda: patience.through(lambda: intake.assign_causes(context)))
            _stage(
                context,
                "feedback tickets",
                lambda: patience.through(lambda: intake.convert_feedback(context, deadline)),
            )
            _stage(context, intake.STAGE_MINED, lambda: intake.mine_tickets(context, deadline))
            _stage(context, "tickets", lambda: intake.admit_tickets(context))
            _stage(context, "tune", lambda: patience.through(lambda: tune_unless_done(context)))
    except BudgetSpent as spent:
        stopped = spent
        end_night_early(context, spent)
    except Exception as error:  # what a person can mend belongs into the account as well
        stopped = explain_error(error, store.path)
        if stopped is None:
            raise
    finally:
        budget.stop("the night is over")
    if isinstance(stopped, BudgetSpent) or stopped is None:
        _stage(context, "merge", lambda: {"merged": merge_kept_proposals(context)})
        _stage(context, "publish", lambda: publish_pending_proposals(context))
        _stage(context, "compare", lambda: {"promises": compare_promises(context)})
        _stage(context, "clean", lambda: prune_transcripts(context))
    return finish_night(context, stopped)


def tune_unless_done(context: Context) -> dict[str, Any]:
    """Tune, unless that came to its end before the night was killed."""
    assert context.night is not None
    if context.store.nights.is_tuned(context.night):
        return {}
    return {"out_of_budget": admit_and_tune(context).out_of_budget}


def finish_night(context: Context, stopped: MetaError | None) -> NightEnd:
    """Send the account. A night that failed stays open: the next start goes on with it."""
    night = context.night
    assert night is not None
    account = gather_account(context, night, stopped)
    problem = send_account(context.settings.nightly, account)
    if problem:
        context.tell(f"the account could not be sent: {problem}")
    over = stopped is None or stopped.code != EXIT_FAILED
    if over:
        context.store.nights.finish_stage(night, STAGE_REPORT, {"sent": not problem})
    if stopped is not None:
        return NightEnd(stopped.code, account)
    if account.out_of_budget:
        return NightEnd(EXIT_BUDGET, account)
    return NightEnd(EXIT_NOTHING if account.is_nothing else EXIT_DONE, account)


def end_night_early(context: Context, spent: BudgetSpent) -> None:
    """Close the night whose time, money or tokens are used up; what is in testing goes on in the next one."""
    store, night = context.store, context.night
    assert night is not None
    context.tell(f"the night ends here: {spent.message}")
    if not store.nights.is_tuned(night):
        own = {c.id for c in store.candidates.of_night(night)}
        kept = [p.id for p in store.proposals.all() if p.candidate in own]
        used = store.replays.count_used(night)
        store.nights.end_tuning(night, {"replays": used, "kept": kept, "stopped": spent.message})


def _stage(context: Context, name: str, work: Callable[[], dict[str, Any]]) -> None:
    assert context.night is not None
    nights = context.store.nights
    if name not in nights.stage_results(context.night):
        nights.begin_stage(context.night, name)
        nights.finish_stage(context.night, name, work())
