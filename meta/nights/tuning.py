"""Start a night's tuning: admit what waits, say what the night can detect, then tune."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from meta.gateway.models import explain_service_errors
from meta.look.outlook_page import outlook_page
from meta.nights.stages import StageResult
from meta.records.account import Night
from meta.store.store import Store
from meta.tickets.admission.queue import admit_waiting_tickets
from meta.tune.loop import Tuning, tune
from meta.tune.outlook import forecast_night
from meta.tune.result import TuningResult

if TYPE_CHECKING:
    from meta.app import Context


def tune_unless_done(store: Store, night: Night, context: Context, open_tuning: Callable[[], Tuning]) -> StageResult:
    """Tune, unless tuning had ended before the night was killed."""
    if store.nights.is_tuned(night.id):
        return {}
    return {"out_of_budget": admit_and_tune(context, open_tuning).out_of_budget}


def admit_and_tune(context: Context, open_tuning: Callable[[], Tuning]) -> TuningResult:
    """Admit the tickets that wait, say what the night can detect, then tune with what `open_tuning` returns.

    Raises `MetaError` when the model's service stops it; the night can be resumed.
    """
    with explain_service_errors():
        admit_waiting_tickets(context.store.tickets, context.workshop, context.settings.replay, context.tell)
        for line in outlook_page(forecast_night(context.store, context.settings, lambda: context.versions.head())):
            context.tell(line)
        return tune(open_tuning())
