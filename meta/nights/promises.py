"""Promise and reality: what the gate saw in replays, beside what became of real pull requests after the merge.

Real pull requests are few and no experiment: the tickets change as well. So a drop is an alarm for a person, with a
branch ready that undoes the change, and never more.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from feedback.outcome import Cause, Outcome, OutcomeKind
from meta.app import Context
from meta.errors import MetaError
from meta.interval import wilson_interval_of
from meta.proposals.view import view_proposal
from meta.records.account import MergeRate, Promise
from meta.records.candidate import Proposal

MAX_DAYS_BEFORE = 90
"""Pull requests older than this, counted from the merge, say little about the agent that the merge changed."""

MIN_PULLS = 8
"""With fewer pull requests on either side nothing is said of a drop."""

CAUSES_NOT_THE_AGENTS = frozenset({Cause.SUPERSEDED, Cause.DUPLICATE_TICKET, Cause.ABANDONED, Cause.PLANS_CHANGED})


def compare_promises(context: Context) -> list[dict[str, Any]]:
    """Compare every accepted proposal, and make a branch that undoes it where real one-shot success has dropped."""
    outcomes = context.store.outcomes.all()
    accepted = context.store.proposals.accepted()
    found = []
    for proposal in accepted:
        try:
            promise = compare_promise(context, proposal, accepted, outcomes)
            if promise.dropped:
                promise = promise.model_copy(update={"branch": _undoing(context, proposal)})
        except MetaError as error:  # a commit that is gone: the others can still be compared
            context.tell(f"proposal {proposal.id} cannot be compared with what it promised: {error.message}")
            continue
        found.append(promise.model_dump(mode="json"))
    return found


def compare_promise(
    context: Context, proposal: Proposal, accepted: Sequence[Proposal], outcomes: Sequence[Outcome]
) -> Promise:
    """What was promised and what came. A pull request counts for the version in its trailer; without one by date."""
    seen = view_proposal(context, proposal)
    merged_at = _when(proposal.decided_at)
    later = [_when(p.decided_at) for p in accepted if _when(p.decided_at) > merged_at]
    until = min(later, default=None)
    version = context.versions.at(proposal.merge_commit or proposal.commit_id).id
    before, after = [], []
    for outcome in outcomes:
        verdict, at = _verdict(outcome), outcome.opened_at or outcome.submitted_at
        if verdict is None:
            continue
        if outcome.version == version:
            after.append(verdict)
        elif at and at < merged_at and at >= merged_at - timedelta(days=MAX_DAYS_BEFORE):
            before.append(verdict)
        elif at and outcome.version is None and at >= merged_at and (until is None or at < until):
            after.append(verdict)
    shares = MergeRate(merged=sum(before), of=len(before)), MergeRate(merged=sum(after), of=len(after))
    return Promise(
        proposal=proposal.id,
        title=seen.candidate.edit.title,
        promised=(seen.before.value, seen.after.value) if seen.before.n and seen.after.n else None,
        before=shares[0],
        after=shares[1],
        dropped=is_drop(*shares),
    )


def is_drop(before: MergeRate, after: MergeRate) -> bool:
    """Whether the interval of the difference lies below zero: Newcombe's hybrid score interval (Stat. Med. 17, 1998,
    method 10), at 95 %. It is looked at every night, so one alarm in a few dozen is chance."""
    if before.of < MIN_PULLS or after.of < MIN_PULLS:
        return False
    (_, high), (low, _) = wilson_interval_of(after.rate, after.of), wilson_interval_of(before.rate, before.of)
    difference = after.rate - before.rate
    return difference + math.hypot(high - after.rate, before.rate - low) < 0


def _verdict(outcome: Outcome) -> bool | None:
    """Whether a decided pull request was merged as submitted; `None` where that says nothing about the agent."""
    if outcome.kind in (OutcomeKind.OPEN, OutcomeKind.UNKNOWN):
        return None
    if outcome.kind == OutcomeKind.REJECTED and outcome.cause in CAUSES_NOT_THE_AGENTS:
        return None
    return outcome.kind == OutcomeKind.MERGED


def _undoing(context: Context, proposal: Proposal) -> str:
    """The branch that undoes a merge, made from objects alone on top of what is in use; made once."""
    name, versions = f"meta/rollback-{proposal.id}", context.versions
    if versions.has_branch(name):
        return name
    head, merge = versions.head(), proposal.merge_commit or proposal.commit_id
    changes = versions.carried_over(merge, f"{merge}^", head)
    if changes is None:
        return "`meta proposals rollback`"
    commit = versions.commit(head, changes, f"Roll back proposal {proposal.id}\n\nReal pull requests got worse.")
    versions.branch(name, commit.commit)
    return name


def _when(text: str | None) -> datetime:
    return datetime.fromisoformat(text or "1970-01-01T00:00:00+00:00")
