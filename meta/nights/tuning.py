"""Starting a night's tuning with the proposer that the settings ask for."""

from __future__ import annotations

from meta.app import App, Context
from meta.gateway.models import explain_service_errors
from meta.look.outlook_page import outlook_page
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
        app.report(f"night {night.id} was interrupted and is taken up again")
    return Context(app, night)


def admit_and_tune(context: Context) -> TuningResult:
    """Admit what waits, say what the night can show, then tune.

    Raises `MetaError` when the model's service stops it; the night can be taken up.
    """
    with explain_service_errors():
        admit_waiting_tickets(context)
        for line in outlook_page(forecast_night(context)):
            context.tell(line)
        return tune(context if context.night else open_night(context.app), proposer_of(context))
