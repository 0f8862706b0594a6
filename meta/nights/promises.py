"""Promise and reality: what the gate saw in replays, beside what became of real pull requests after the merge.

Real pull requests are few and no experiment: the tickets change as well. So a drop is an alarm for a person, with a
branch ready that undoes the change, and never more.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from feedback.records import Cause, Kind, Outcome
from meta.context import Context
from meta.errors import MetaError
from meta.interval import wilson
from meta.records import Proposal, Record
from meta.review.view import view
from meta.store.tuning import proposals

BEFORE_DAYS = 90
"""Pull requests older than this, counted from the merge, say little about the agent that the merge changed."""

FEWEST = 8
"""With fewer pull requests on either side nothing is said of a drop."""

NOT_THE_AGENTS = frozenset({Cause.SUPERSEDED, Cause.DUPLICATE_TICKET, Cause.ABANDONED, Cause.PLANS_CHANGED})


class Share(Record):
    """Pull requests merged as they were submitted, of all that were decided; `low` and `high`: 95 %, Wilson."""

    merged: int
    of: int

    @property
    def rate(self) -> float:
        return self.merged / self.of if self.of else 0.0

    def __str__(self) -> str:
        if not self.of:
            return "none yet"
        low, high = wilson(self.rate, self.of)
        return f"{self.rate:.0%} ({low:.0%} to {high:.0%}) of {self.of}"


class Promise(Record):
    """One accepted proposal: replays before and after, pull requests before and after."""

    proposal: int
    title: str
    promised: tuple[float, float] | None
    before: Share
    after: Share
    dropped: bool = False
    branch: str = ""
    """A branch that undoes the change, where it dropped."""

    @property
    def words(self) -> str:
        promised = f"replays {self.promised[0]:.0%} -> {self.promised[1]:.0%}; " if self.promised else ""
        drop = f"; A DROP, {self.branch} undoes it" if self.dropped else ""
        return f"{promised}pull requests merged as they were: before {self.before}, since {self.after}{drop}"


def raise_drops(context: Context) -> list[dict[str, Any]]:
    """Compare every accepted proposal, and make a branch that undoes it where real one-shot success has dropped."""
    outcomes = context.store.outcomes()
    accepted = proposals(context.store, "status = 'accepted' and decided_at is not null")
    found = []
    for proposal in accepted:
        try:
            promise = compare(context, proposal, accepted, outcomes)
            if promise.dropped:
                promise = promise.model_copy(update={"branch": _undoing(context, proposal)})
        except MetaError as error:  # a commit that is gone: the others can still be compared
            context.tell(f"proposal {proposal.id} cannot be compared with what it promised: {error.message}")
            continue
        found.append(promise.model_dump(mode="json"))
    return found


def compare(context: Context, proposal: Proposal, accepted: Sequence[Proposal], outcomes: Sequence[Outcome]) -> Promise:
    """What was promised and what came. A pull request counts for the version in its trailer; without one by date."""
    seen = view(context, proposal)
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
        elif at and at < merged_at and at >= merged_at - timedelta(days=BEFORE_DAYS):
            before.append(verdict)
        elif at and outcome.version is None and at >= merged_at and (until is None or at < until):
            after.append(verdict)
    shares = Share(merged=sum(before), of=len(before)), Share(merged=sum(after), of=len(after))
    return Promise(
        proposal=proposal.id,
        title=seen.candidate.edit.title,
        promised=(seen.before.value, seen.after.value) if seen.before.n and seen.after.n else None,
        before=shares[0],
        after=shares[1],
        dropped=is_drop(*shares),
    )


def is_drop(before: Share, after: Share) -> bool:
    """Whether the interval of the difference lies below zero: Newcombe's hybrid score interval (Stat. Med. 17, 1998,
    method 10), at 95 %. It is looked at every night, so one alarm in a few dozen is chance."""
    if before.of < FEWEST or after.of < FEWEST:
        return False
    (_, high), (low, _) = wilson(after.rate, after.of), wilson(before.rate, before.of)
    difference = after.rate - before.rate
    return difference + math.hypot(high - after.rate, before.rate - low) < 0


def _verdict(outcome: Outcome) -> bool | None:
    """Whether a decided pull request was merged as submitted; `None` where that says nothing about the agent."""
    if outcome.kind in (Kind.OPEN, Kind.UNKNOWN):
        return None
    if outcome.kind == Kind.REJECTED and outcome.cause in NOT_THE_AGENTS:
        return None
    return outcome.kind == Kind.MERGED


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
