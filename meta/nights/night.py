"""One unattended night, from new feedback to the account in the morning.

Read this file first. Each stage is written down when it is done. A night that was killed goes on with the first stage
that is not.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from meta.environments.workshop import Workshop
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
from meta.tune.result import TuningResult


@dataclass(frozen=True)
class NightParts:
    """What a night works with.

    Only this story sees all of it; each stage is given what it uses.
    """

    night: Night
    project: Project
    store: Store
    versions: GitVersions
    workshop: Workshop
    models: Models
    tune: Callable[[], TuningResult]
    """Tunes with parts that are built when it is called: what they lack stops the night, and stands in the account."""
    deadline: Deadline
    patience: OutagePatience


def run_night(n: NightParts) -> NightEnd:
    """Run one night, or the rest of one that was interrupted.

    What stops it is in the account; nothing is lost.
    """
    project, store, workshop, report = n.project, n.store, n.workshop, n.project.report
    stage = partial(run_stage, store.nights, n.night.id)
    stopped: MetaError | None = None
    try:
        with n.deadline.enforce():
            stage(Stage.INGEST, lambda: read_sources(store, project))
            stage(Stage.CAUSES, lambda: assign_causes(store.outcomes, n.models, report), n.patience)
            stage(Stage.FEEDBACK, lambda: convert_feedback(project, store, workshop, n.models, n.deadline), n.patience)
            stage(Stage.MINING, lambda: mine_tickets(project, store, workshop, n.deadline))
            stage(Stage.ADMISSION, lambda: admit_tickets(project, store, workshop))
            stage(Stage.TUNE, lambda: tune_unless_done(store.nights, n.night, n.tune), n.patience)
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
