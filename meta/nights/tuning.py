"""Start a night's tuning: admit what waits, say what can be detected, then tune."""

from __future__ import annotations

from collections.abc import Callable

from meta.environments.workshop import Workshop
from meta.gateway.models import explain_service_errors
from meta.look.outlook_page import outlook_page
from meta.nights.stages import StageResult
from meta.project import Project
from meta.records.account import Night
from meta.store.nights import Nights
from meta.store.store import Store
from meta.surfaces.versions import VersionHistory
from meta.tickets.admission.queue import admit_waiting_tickets
from meta.tune.loop import Tuning, tune
from meta.tune.outlook import forecast_night
from meta.tune.result import TuningResult


def tune_unless_done(nights: Nights, night: Night, tune_tonight: Callable[[], TuningResult]) -> StageResult:
    """Tune, unless tuning had ended before the night was killed."""
    if nights.is_tuned(night.id):
        return {}
    return {"out_of_budget": tune_tonight().out_of_budget}


def admit_and_tune(
    project: Project, store: Store, workshop: Workshop, history: VersionHistory, open_tuning: Callable[[], Tuning]
) -> TuningResult:
    """Admit the tickets that wait, say what the night can detect, then tune.

    `open_tuning` builds what tuning works with when it is needed. Raises `MetaError` when the model service stops it;
    the night can be resumed.
    """
    with explain_service_errors():
        admit_waiting_tickets(store.tickets, workshop, project.settings.replay, project.report)
        for line in outlook_page(forecast_night(store, project.settings, history.head)):
            project.report(line)
        return tune(open_tuning())
