"""What a night takes in before it tunes: feedback, causes and new tickets.

Everything is written down one by one, so that each of these may be cut short anywhere and resumed the next time.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Generator, Iterable
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from typing import TypeVar

from meta.environments.workshop import Workshop
from meta.errors import BudgetSpent, MetaError
from meta.gateway.models import Models
from meta.nights.deadline import Deadline
from meta.nights.stages import Stage, StageResult
from meta.outcomes.ingest import read_all_sources
from meta.outcomes.model_causes import assign_causes_by_model
from meta.project import Project, Report
from meta.store.nights import Nights
from meta.store.outcomes import Outcomes
from meta.store.store import Store
from meta.tickets.admission.lost_tickets import quarantine_lost_tickets
from meta.tickets.admission.queue import admit_waiting_tickets
from meta.tickets.from_feedback.conversion import convert_outcomes
from meta.tickets.mining.changes import MainLine
from meta.tickets.mining.miner import mine_into_store

INTAKE_TIME_SHARE = 0.25
"""The making of tickets ends when this share of the time until the deadline is gone: the rest is for tuning."""

MAX_CAUSES_ASKED = 50
"""Pull requests that a model is asked about in one night; older ones wait for the next."""

OVERLAP_DAYS = 7
"""A change may be merged days after the date of its commit."""

T = TypeVar("T")


def read_sources(store: Store, project: Project) -> StageResult:
    """Read how pull requests ended.

    A source that fails is named in the account, and the night goes on without it.
    """
    kinds: Counter[str] = Counter()
    problems: list[str] = []
    try:
        for source in read_all_sources(store, project, []):
            problems += [*source.problems, *filter(None, [source.failure])]
            kinds += source.kinds
    except BudgetSpent:
        raise
    except MetaError as error:
        problems.append(error.message)
    return {"kinds": dict(kinds), "problems": problems}


def assign_causes(outcomes: Outcomes, models: Models, report: Report) -> StageResult:
    """Ask the model why pull requests came back, where no rule could tell.

    Without a model, nothing is asked. Raises `ServiceDown` when the service does not answer: the rest of the night
    would ask the same one.
    """
    if not models.has_proposer():  # tuning will say what is missing
        return {}
    asked, found = assign_causes_by_model(outcomes, models, MAX_CAUSES_ASKED, report)
    return {"asked": asked, "found": found}


def convert_feedback(
    project: Project, store: Store, workshop: Workshop, models: Models, deadline: Deadline
) -> StageResult:
    """Make tickets of pull requests that came back.

    What was tried before is not tried again unless it has changed since.
    """
    share, drafters = TimeShare(deadline, project.report), models if models.has_proposer() else None
    made = convert_outcomes(store, workshop, project.settings, project.report, models=drafters)
    counts = Counter(found.status for found in share.limit(made) if not found.known)
    return {"admitted": counts["admitted"], "quarantined": counts["quarantined"]}


def mine_tickets(project: Project, store: Store, workshop: Workshop, deadline: Deadline) -> StageResult:
    """Make tickets of what was merged since the last time, if the team chose that.

    At most `nightly.mine` of them are made from each repository. What there is no time for waits for the next night;
    what was turned down by then is not tried again.
    """
    settings, counts = project.settings, Counter[str]()
    problems, turned_down = list[str](), list[str]()
    for repository in settings.repositories if settings.nightly.mine else ():
        path = (settings.root / repository.path).resolve()
        name, today = f"mined:{path}", _before(datetime.now(UTC).date())
        refused = list[str]()
        since, share = store.outcomes.cursor(name), TimeShare(deadline, project.report)
        if since:
            since = min(since, today)  # the clock may have been ahead when that was written down
        mined = mine_into_store(
            store.tickets,
            workshop,
            path,
            settings.replay,
            project.report,
            main_line=MainLine(since=since),
            limit=settings.nightly.mine,
            skip=_turned_down_before(store.nights),
        )
        try:
            for found in share.limit(mined):
                counts[found.status] += found.ticket is not None
                refused += [found.fix_commit] if found.ticket is None else []
        except BudgetSpent:
            raise
        except MetaError as error:  # such as a repository that is gone
            problems.append(error.message)
            continue
        if share.used_up:
            turned_down += refused
        else:
            store.outcomes.set_cursor(name, today)
    return {
        "admitted": counts["admitted"],
        "quarantined": counts["quarantined"],
        "problems": problems,
        "turned_down": turned_down,
    }


def _turned_down_before(nights: Nights) -> set[str]:
    """The commits of changes from which earlier nights could make no ticket."""
    results = nights.results_of_stage(Stage.MINING)
    return {commit for result in results for commit in result.get("turned_down", [])}


def admit_tickets(project: Project, store: Store, workshop: Workshop) -> StageResult:
    """Quarantine tickets whose commit is gone, and try those that wait for admission."""
    lost = quarantine_lost_tickets(store.tickets, workshop.cache, project.report)
    found = admit_waiting_tickets(store.tickets, workshop, project.settings.replay, project.report)
    waiting = len(store.tickets.waiting())
    later = [f"{waiting} tickets could not be tried on this machine; the next night tries them again"]
    return {
        "admitted": sum(a.status == "admitted" for a in found),
        "quarantined": sum(a.status == "quarantined" for a in found),
        "problems": [f"{a.ticket}: {a.reason.splitlines()[0]}" for a in lost] + (later if waiting else []),
    }


class TimeShare:
    """A stage's share of the time that is left.

    `used_up` says afterwards whether it ended the stage.
    """

    def __init__(self, deadline: Deadline, report: Report) -> None:
        self._end, self._report, self.used_up = time.monotonic() + INTAKE_TIME_SHARE * deadline.left, report, False

    def limit(self, results: Generator[T]) -> Iterable[T]:
        """Yield results until the share is used up.

        Whatever is in progress then is dropped, for another night.
        """
        with closing(results):
            for result in results:
                yield result
                if time.monotonic() > self._end:
                    self.used_up = True
                    self._report("the time for new tickets is used up; the rest waits for another night")
                    return


def _before(day: date) -> str:
    return (day - timedelta(days=OVERLAP_DAYS)).isoformat()
