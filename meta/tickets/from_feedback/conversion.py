"""Makes tickets from pull requests that came back, and records which were tried.

The accepted change must pass, and the first submission must fail.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

from feedback.outcome import Cause, Outcome
from meta.environments.workshop import Workshop
from meta.errors import MetaError
from meta.gateway.metered_model import name_conversation
from meta.gateway.models import Models, explain_service_errors
from meta.project import Report
from meta.records.record import Record
from meta.records.ticket import Ticket, TicketStatus
from meta.set_aside import why_set_aside
from meta.settings import RepositorySettings, Settings
from meta.store.outcomes import FeedbackTicket
from meta.store.store import Store
from meta.tickets.admission.review_drafts import ModelCheckDrafter
from meta.tickets.from_feedback.accepted_change import NoTicket, TicketSides, ticket_sides
from meta.tickets.mining.attempt import ChangeOrigin, MiningOptions, mine_change
from meta.tickets.mining.main_branch import choose_branch
from meta.tickets.mining.mined_ticket import MinedTicket
from meta.tickets.mining.miner import CancellableProgress

_NOT_WRONG = {
    Cause.DUPLICATE_TICKET: "the ticket was a duplicate",
    Cause.ABANDONED: "it was abandoned",
    Cause.PLANS_CHANGED: "plans had changed",
}


class ConversionResult(Record):
    """The result for one pull request.

    It is one JSON line of `meta tickets from-feedback --json`.
    """

    pull_request: str
    title: str
    kind: str
    cause: str
    status: TicketStatus | None
    """`None` if it did not become a ticket."""
    reason: str = ""
    ticket: str | None = None
    review_checks: int = 0
    known: bool = False
    """Whether it was tried before and has not changed since."""


@dataclass(frozen=True)
class _Pair:
    """A pull request with both sides of its ticket."""

    outcome: Outcome
    repository: Path
    sides: TicketSides


def convert_outcomes(
    store: Store,
    workshop: Workshop,
    settings: Settings,
    report: Report,
    *,
    models: Models | None = None,
    again: bool = False,
    options: MiningOptions = MiningOptions(),
) -> Generator[ConversionResult]:
    """Try every pull request that came back, and record each result at once.

    One that was tried before is tried again only if it has changed, or if `again` is set. `models` draft
    review checks; without them, none are drafted. Raises `MetaError` when the model service does not answer or
    rejects the request: a pull request that needs its answer is then not recorded.
    """
    outcomes, waiting = store.outcomes.all(), list[_Pair]()
    main_of = cache(partial(choose_branch, report=report))
    for outcome in (o for o in outcomes if o.kind.came_back):
        found = _find_sides(settings, outcome, outcomes, main_of)
        if isinstance(found, str):
            yield _conversion_result(outcome, None, found)
        elif not again and (known := _find_known(store, found)):
            yield known
        else:
            waiting.append(found)
    if not waiting:
        return
    workshop.prune_environments(settings.replay.environments_mb, report)
    workshop.require_sandbox()  # do not quarantine tickets because this machine has none
    drafter = _open_drafter(models, report)
    origins = [_origin_of(pair, drafter) for pair in waiting]
    pool = ThreadPoolExecutor(settings.replay.parallel, thread_name_prefix="feedback")
    progress = CancellableProgress(report)
    jobs = [
        pool.submit(mine_change, pair.repository, pair.sides.change, workshop, options, origin=origin, report=progress)
        for pair, origin in zip(waiting, origins, strict=True)
    ]
    try:
        for pair, job in zip(waiting, jobs, strict=True):
            question = f"the question about checks for {pair.outcome.key}"
            with explain_service_errors("what was tried is kept"), name_conversation(question):
                mined = job.result()
            _keep(store, pair.outcome, mined)
            yield _conversion_result(pair.outcome, mined.status, mined.reason, mined.ticket)
    finally:
        progress.stop()
        pool.shutdown(wait=False, cancel_futures=True)


def _find_sides(
    settings: Settings, outcome: Outcome, outcomes: list[Outcome], main_of: Callable[[Path, str], str]
) -> _Pair | str:
    """Return the two sides of the ticket, or why there are none."""
    if outcome.cause in _NOT_WRONG:
        return f"nobody said that it was wrong: {_NOT_WRONG[outcome.cause]}"
    clone = _find_clone(settings.repositories, outcome)
    if clone is None:
        return f"no [[repositories]] of meta.toml is a clone of {outcome.repository}"
    path = (settings.root / clone.path).resolve()
    try:
        return _Pair(outcome, path, ticket_sides(path, outcome, outcomes, main_of(path, clone.main)))
    except NoTicket as why:
        return str(why)
    except Exception as error:
        return why_set_aside(error)


def _find_clone(clones: Sequence[RepositorySettings], outcome: Outcome) -> RepositorySettings | None:
    named = [r for r in clones if r.name == outcome.repository]
    unnamed = [r for r in clones if not r.name]
    own = [r for r in unnamed if Path(r.path).resolve().name == outcome.repository.rsplit("/", 1)[-1]]
    return next(iter([*named, *own, *(unnamed if len(clones) == 1 else [])]), None)


def _find_known(store: Store, pair: _Pair) -> ConversionResult | None:
    """Return what is known: from last time, or from a ticket that somebody added."""
    outcome, fix = pair.outcome, pair.sides.change.fix_commit
    tried = store.outcomes.feedback_ticket(outcome.key)
    if tried and (tried.digest, tried.fix_commit) == (outcome.digest, fix):
        ticket = store.tickets.find(tried.ticket) if tried.ticket else None
        if ticket or not tried.ticket:
            return _conversion_result(outcome, tried.status, tried.reason, ticket, known=True)
    for given in store.tickets.from_source(_source_of(outcome)):
        ticket = store.tickets.find(given.id)
        if ticket and ticket.fix_commit == fix and ticket.rejected is not None:
            return _conversion_result(outcome, given.status, given.reason, ticket, known=True)
    return None


def _open_drafter(models: Models | None, report: Report) -> ModelCheckDrafter | None:
    if models is None:
        return None
    try:
        return ModelCheckDrafter(models.proposer("checks"))
    except MetaError as missing:
        report(f"no review checks are drafted: {missing.message}")
        return None


def _origin_of(pair: _Pair, drafter: ModelCheckDrafter | None) -> ChangeOrigin:
    cause = pair.outcome.cause
    return ChangeOrigin(
        source=_source_of(pair.outcome),
        labels=() if cause is Cause.UNKNOWN else (cause.value,),
        rejected=pair.sides.rejected,
        draft=partial(drafter.draft, outcome=pair.outcome) if drafter else None,
    )


def _source_of(outcome: Outcome) -> str:
    return f"pr:{outcome.number}"


def _keep(store: Store, outcome: Outcome, mined: MinedTicket) -> None:
    if mined.ticket and mined.admission:
        store.tickets.add(mined.ticket)
        store.tickets.record_admission(mined.ticket, mined.admission)
    store.outcomes.save_feedback_ticket(
        FeedbackTicket(
            key=outcome.key,
            digest=outcome.digest,
            fix_commit=mined.fix_commit,
            ticket=mined.ticket.id if mined.ticket else None,
            status=mined.status,
            reason=mined.reason,
        )
    )


def _conversion_result(
    outcome: Outcome, status: TicketStatus | None, reason: str, ticket: Ticket | None = None, *, known: bool = False
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
        known=known,
    )
