"""Start a night's tuning: admit what waits, say what the night can detect, then tune."""

from __future__ import annotations

from meta.app import App, Context
from meta.gateway.models import explain_service_errors
from meta.look.outlook_page import outlook_page
from meta.nights.stages import StageResult
from meta.records.account import Night
from meta.store.store import Store
from meta.tickets.admission.queue import admit_waiting_tickets
from meta.tune.loop import TuningResult, tune
from meta.tune.outlook import forecast_night
from meta.tune.propose.proposer import Proposer


def proposer_of(context: Context) -> Proposer:
    """The proposer that meta.toml names."""
    if context.settings.proposer.style == "agent":
        from meta.tune.propose.editing_agent import EditingAgent

        return EditingAgent(context.models.proposer(), context.sandbox, context.app.project.cache.scratch())
    if context.settings.proposer.style == "sentence":
        from meta.tune.propose.one_sentence import OneSentence

        return OneSentence(context.models.proposer())
    from meta.tune.propose.rewrite import Rewrite

    return Rewrite(context.models.proposer())


def open_night(app: App) -> Context:
    """The night to tune in: the newest one that did not end, else a new one."""
    night = app.store.nights.resume_or_open_tuning(app.settings.tune.replays)
    if night.resumed:
        app.report(f"resuming night {night.id}, which was interrupted")
    return Context(app, night)


def tune_unless_done(store: Store, night: Night, context: Context) -> StageResult:
    """Tune, unless tuning had ended before the night was killed."""
    if store.nights.is_tuned(night.id):
        return {}
    return {"out_of_budget": admit_and_tune(context).out_of_budget}


def admit_and_tune(context: Context) -> TuningResult:
    """Admit the tickets that wait, say what the night can detect, then tune.

    Raises `MetaError` when the model's service stops it; the night can be resumed.
    """
    with explain_service_errors():
        admit_waiting_tickets(context)
        for line in outlook_page(forecast_night(context)):
            context.tell(line)
        return tune(context if context.night else open_night(context.app), proposer_of(context))
