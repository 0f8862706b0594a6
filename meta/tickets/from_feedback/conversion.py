"""Tickets from what came back: the grader has to pass what was accepted and to fail what was first submitted."""

from __future__ import annotations

from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from feedback.outcome import Cause, Outcome
from meta.app import Context
from meta.environments.workshop import Workshop
from meta.errors import MetaError
from meta.gateway.models import explain_service_errors
from meta.project import Report
from meta.records.record import Record
from meta.records.ticket import EnvironmentSpec, Ticket, TicketStatus
from meta.settings import RepositorySettings
from meta.store.outcomes import FeedbackTicket
from meta.tickets.admission.queue import limit_environment_cache
from meta.tickets.admission.review_drafts import ModelCheckDrafter
from meta.tickets.from_feedback.accepted_change import NoTicket, TicketSides, ticket_sides
from meta.tickets.mining.attempt import ChangeOrigin, MiningOptions, mine_change
from meta.tickets.mining.mined_ticket import MinedTicket
from meta.tickets.mining.miner import CancellableProgress

_NOT_WRONG = {
    Cause.DUPLICATE_TICKET: "the ticket was a duplicate",
    Cause.ABANDONED: "it was abandoned",
    Cause.PLANS_CHANGED: "plans had changed",
}


class ConversionResult(Record):
    """What became of one pull request that came back; one JSON line of `meta tickets from-feedback --json`."""

    pull_request: str
    title: str
    kind: str
    cause: str
    status: TicketStatus | None
    """`None`: no ticket was made of it."""
    reason: str = ""
    ticket: str | None = None
    review_checks: int = 0
    known: bool = False
    """It was tried before, and nothing has changed since."""


@dataclass(frozen=True)
class _Work:
    outcome: Outcome
    repository: Path
    pair: TicketSides


def convert_outcomes(
    context: Context,
    *,
    draft: bool = True,
    again: bool = False,
    runs: int = 3,
    environment: EnvironmentSpec | None = None,
) -> Generator[ConversionResult]:
    """Try every pull request of runs.db that came back; each is written down as soon as it is known.

    What was tried before is not tried again unless something about it has changed, or `again` says so. `environment`
    is what the tests run in; `None` derives it from what the project declares. Raises `MetaError` when the model's
    service does not answer or refuses: without its word nothing is written down of a pull request that needs one.
    """
    store, outcomes = context.store, context.store.outcomes.all()
    waiting: list[_Work] = []
    for outcome in (o for o in outcomes if o.kind.came_back):
        found = _prepared(context, outcome, outcomes)
        if isinstance(found, str):
            yield _conversion_result(outcome, None, found)
        elif not again and (known := _known(context, found)):
            yield known
        else:
            waiting.append(found)
    if not waiting:
        return
    limit_environment_cache(context)
    drafter = _drafter(context) if draft else None
    context.workshop.require_sandbox()
    options = MiningOptions(runs=runs, environment=environment)
    pool = ThreadPoolExecutor(context.settings.replay.parallel, thread_name_prefix="feedback")
    tell = CancellableProgress(context.tell)
    jobs = [(work, pool.submit(_try, work, context.workshop, options, drafter, tell)) for work in waiting]
    try:
        for work, job in jobs:
            with explain_service_errors("what was tried is kept"):
                mined = job.result()
            if mined.ticket and mined.admission:
                store.tickets.add(mined.ticket)
                store.tickets.admit(mined.ticket, mined.admission)
            store.outcomes.save_feedback_ticket(
                FeedbackTicket(
                    key=work.outcome.key,
                    digest=work.outcome.digest,
                    fix_commit=mined.fix_commit,
                    ticket=mined.ticket.id if mined.ticket else None,
                    status=mined.status,
                    reason=mined.reason,
                )
            )
            yield _conversion_result(work.outcome, mined.status, mined.reason, mined.ticket)
    finally:
        tell.stop()
        pool.shutdown(wait=False, cancel_futures=True)


def _prepared(context: Context, outcome: Outcome, outcomes: list[Outcome]) -> _Work | str:
    """The two sides of the ticket, or why there is none."""
    if outcome.cause in _NOT_WRONG:
        return f"nobody said that it was wrong: {_NOT_WRONG[outcome.cause]}"
    clone = _clone(context, outcome)
    if clone is None:
        return f"no [[repositories]] of meta.toml is a clone of {outcome.repository}"
    path = (context.settings.root / clone.path).resolve()
    try:
        return _Work(outcome, path, ticket_sides(path, outcome, outcomes, clone.main))
    except NoTicket as why:
        return str(why)
    except MetaError as error:
        return error.message


def _clone(context: Context, outcome: Outcome) -> RepositorySettings | None:
    named = [r for r in context.settings.repositories if r.name == outcome.repository]
    unnamed = [r for r in context.settings.repositories if not r.name]
    own = [r for r in unnamed if Path(r.path).resolve().name == outcome.repository.rsplit("/", 1)[-1]]
    return next(iter([*named, *own, *(unnamed if len(context.settings.repositories) == 1 else [])]), None)


def _known(context: Context, work: _Work) -> ConversionResult | None:
    """What is known of it: from the last time, or since somebody has given its ticket already."""
    outcome, fix = work.outcome, work.pair.change.fix_commit
    tickets, tried = context.store.tickets, context.store.outcomes.feedback_ticket(outcome.key)
    if tried and (tried.digest, tried.fix_commit) == (outcome.digest, fix):
        ticket = tickets.find(tried.ticket) if tried.ticket else None
        if ticket or not tried.ticket:
            return _conversion_result(outcome, tried.status, tried.reason, ticket).model_copy(update={"known": True})
    for given in tickets.from_source(_source(outcome)):
        ticket = tickets.find(given.id)
        if ticket and ticket.fix_commit == fix and ticket.rejected is not None:
            return _conversion_result(outcome, given.status, given.reason, ticket).model_copy(update={"known": True})
    return None


def _try(
    work: _Work, workshop: Workshop, options: MiningOptions, drafter: ModelCheckDrafter | None, report: Report
) -> MinedTicket:
    outcome = work.outcome
    origin = ChangeOrigin(
        source=_source(outcome),
        labels=() if outcome.cause is Cause.UNKNOWN else (outcome.cause.value,),
        rejected=work.pair.rejected,
        draft=partial(drafter.draft, outcome=outcome) if drafter else None,
    )
    return mine_change(work.repository, work.pair.change, workshop, options, origin=origin, report=report)


def _source(outcome: Outcome) -> str:
    return f"pr:{outcome.number}"


def _drafter(context: Context) -> ModelCheckDrafter | None:
    try:
        return ModelCheckDrafter(context.models.proposer("checks"))
    except MetaError as missing:
        context.tell(f"no review checks are drafted: {missing.message}")
        return None


def _conversion_result(
    outcome: Outcome, status: TicketStatus | None, reason: str, ticket: Ticket | None = None
) -> ConversionResult:
    return ConversionResult(
        pull_request=outcome.key,
        title=outcome.title,
        kind=outcome.kind.value,
        cause=outcome.cause.value,
        status=status,
        reason=reason,
        ticket=ticket.id if ticket else None,
        review_checks=len(ticket.grader.review) if ticket else 0,
    )
