"""One unattended night, from new feedback to the account in the morning. Read this file first.

Each stage is written down when it is done. A night that was killed goes on with the first stage that is not.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from meta.error_messages import explain_error
from meta.errors import BudgetSpent, MetaError
from meta.gateway.models import Models
from meta.nights.bookkeeping import NightEnd, end_tuning_early, finish_night
from meta.nights.deadline import Deadline
from meta.nights.intake import admit_tickets, assign_causes, convert_feedback, mine_tickets, read_sources
from meta.nights.patience import OutagePatience
from meta.nights.permissions import merge_kept_proposals, publish_pending_proposals
from meta.nights.promises import compare_promises
from meta.nights.stages import Stage, run_stage
from meta.nights.tuning import tune_unless_done
from meta.nights.upkeep import prune_transcripts
from meta.project import Project
from meta.records.account import Night
from meta.store.store import Store
from meta.surfaces.versions import GitVersions
from meta.tune.loop import Tuning

if TYPE_CHECKING:
    from meta.app import Context


@dataclass(frozen=True)
class NightParts:
    """What a night works with. Only this story sees all of it; each stage is given what it uses."""

    night: Night
    project: Project
    store: Store
    versions: GitVersions
    models: Models
    deadline: Deadline
    patience: OutagePatience
    context: Context
    open_tuning: Callable[[], Tuning]


def run_night(n: NightParts) -> NightEnd:
    """Run one night, or the rest of one that was interrupted. What stops it is in the account; nothing is lost."""
    project, store, report, retry = n.project, n.store, n.project.report, n.patience.retry
    stage = partial(run_stage, store.nights, n.night.id)
    stopped: MetaError | None = None
    try:
        with n.deadline.enforce():
            stage(Stage.INGEST, lambda: read_sources(store, project))
            stage(Stage.CAUSES, lambda: retry(lambda: assign_causes(store.outcomes, n.models, report)))
            stage(Stage.FEEDBACK_TICKETS, lambda: retry(lambda: convert_feedback(n.context, n.deadline)))
            stage(Stage.MINED_TICKETS, lambda: mine_tickets(n.context, n.deadline))
            stage(Stage.TICKETS, lambda: admit_tickets(n.context))
            stage(Stage.TUNE, lambda: retry(lambda: tune_unless_done(store, n.night, n.context, n.open_tuning)))
    except BudgetSpent as spent:
        stopped = spent
        report(f"stopping for tonight: {spent.message}")
        end_tuning_early(store, n.night, spent)
    except Exception as error:
        stopped = explain_error(error, store.path)
        if stopped is None:  # a bug
            raise
    finally:
        n.models.budget.stop("the night is over")

    if stopped is None or isinstance(stopped, BudgetSpent):
        stage(Stage.MERGE, lambda: merge_kept_proposals(project, store, n.versions))
        stage(Stage.PUBLISH, lambda: publish_pending_proposals(project, store, n.versions))
        stage(Stage.COMPARE, lambda: compare_promises(store, n.versions, report))
        stage(Stage.CLEAN, lambda: prune_transcripts(store, n.night, project.settings.nightly))
    return finish_night(store, project, n.night, stopped)
