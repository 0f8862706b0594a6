"""What a night takes in before it tunes: what became of pull requests, why, and the tickets that come of them.

Everything is written down one by one, so that each of these may be cut short anywhere and goes on the next time.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Generator, Iterable
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from typing import Any, TypeVar

from meta.app import Context
from meta.errors import BudgetSpent, MetaError
from meta.nights.deadline import Deadline
from meta.outcomes.ingest import read_all_sources
from meta.outcomes.model_causes import assign_causes_by_model
from meta.tickets.admission.lost_tickets import quarantine_lost_tickets
from meta.tickets.admission.queue import admit_waiting_tickets
from meta.tickets.from_feedback.conversion import convert_outcomes
from meta.tickets.mining.miner import mine_into_store

INTAKE_TIME_SHARE = 0.25
"""The making of tickets ends when so much of the time until the deadline is gone: the rest is for tuning."""

MAX_CAUSES_ASKED = 50
"""Pull requests whose cause a model is asked for in one night; older ones wait for the next."""

OVERLAP_DAYS = 7
"""A change may be merged days after the date of its commit."""

STAGE_MINED = "mined tickets"
"""The stage in which tickets are mined. What it turned down is looked up by this name in later nights."""

StageResult = dict[str, Any]
"""What is written down of a stage, as JSON; `problems` are lines for the account."""

T = TypeVar("T")


def read_sources(context: Context) -> StageResult:
    """What came in. A source that cannot be read is named in the account; the night goes on with what is known."""
    kinds: Counter[str] = Counter()
    problems: list[str] = []
    try:
        for source in read_all_sources(context, []):
            problems += [*source.problems, *filter(None, [source.failure])]
            kinds += source.kinds
    except BudgetSpent:
        raise
    except MetaError as error:
        problems.append(error.message)
    return {"kinds": dict(kinds), "problems": problems}


def assign_causes(context: Context) -> StageResult:
    """Why it came back, by the model, where no rule could tell. Nothing where nothing waits for it or no model is set.

    Raises `ServiceDown` when the service does not answer: the rest of the night would ask the same one.
    """
    if not has_model(context):
        return {}
    asked, found = assign_causes_by_model(context, MAX_CAUSES_ASKED)
    return {"asked": asked, "found": found}


def convert_feedback(context: Context, deadline: Deadline) -> StageResult:
    """Tickets of the pull requests that came back and were not tried before, as they now are."""
    made = convert_outcomes(context, draft=has_model(context))
    counts = Counter(found.status for found in TimeShare(deadline, context.tell).of(made) if not found.known)
    return {"admitted": counts["admitted"], "quarantined": counts["quarantined"]}


def mine_tickets(context: Context, deadline: Deadline) -> StageResult:
    """Tickets from what was merged since the last time, if the team chose that: `nightly.mine` at most.

    What there was no time for is tried the next time, and what was turned down before then is not tried again.
    """
    most, counts = context.settings.nightly.mine, Counter[str]()
    problems, turned_down = list[str](), list[str]()
    for repository in context.settings.repositories if most else ():
        path = (context.settings.root / repository.path).resolve()
        name, today = f"mined:{path}", _before(datetime.now(UTC).date())
        refused = list[str]()
        since, share = context.store.outcomes.cursor(name), TimeShare(deadline, context.tell)
        if since:
            since = min(since, today)  # the clock may have been ahead when that was written down
        try:
            for found in share.of(mine_into_store(context, path, since, most, _turned_down(context))):
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
            context.store.outcomes.set_cursor(name, today)
    return {
        "admitted": counts["admitted"],
        "quarantined": counts["quarantined"],
        "problems": problems,
        "turned_down": turned_down,
    }


def _turned_down(context: Context) -> set[str]:
    """Changes of which earlier nights could make no ticket, by their commits."""
    results = context.store.nights.results_of_stage(STAGE_MINED)
    return {commit for result in results for commit in result.get("turned_down", [])}


def admit_tickets(context: Context) -> StageResult:
    """Tickets that are gone, and those that wait for their admission."""
    lost = quarantine_lost_tickets(context)
    found = admit_waiting_tickets(context)
    waiting = len(context.store.tickets.waiting())
    later = [f"{waiting} tickets could not be tried on this machine; the next night tries them again"]
    return {
        "admitted": sum(a.status == "admitted" for a in found),
        "quarantined": sum(a.status == "quarantined" for a in found),
        "problems": [f"{a.ticket}: {a.reason.splitlines()[0]}" for a in lost] + (later if waiting else []),
    }


def has_model(context: Context) -> bool:
    """Whether a model is set at all. Without one, tuning says what is missing; this is no place to say it twice."""
    return context.models.has_proposer()


class TimeShare:
    """A stage's share of the time that is left. `used_up` tells afterwards whether it ended the stage."""

    def __init__(self, deadline: Deadline, tell: Callable[[str], None]) -> None:
        self._end, self._tell, self.used_up = time.monotonic() + INTAKE_TIME_SHARE * deadline.left, tell, False

    def of(self, results: Generator[T]) -> Iterable[T]:
        """These, until the share is used up. What is being tried then is given up, and tried another night."""
        with closing(results):
            for result in results:
                yield result
                if time.monotonic() > self._end:
                    self.used_up = True
                    self._tell("the time for new tickets is used up; the rest waits for another night")
                    return


def _before(day: date) -> str:
    return (day - timedelta(days=OVERLAP_DAYS)).isoformat()
