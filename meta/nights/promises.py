"""Promise and reality: what replays showed, and how real pull requests ended.

Real pull requests are few, and they are not an experiment: the tickets change too. So a drop is no more than an alarm
for a person, with a branch ready that undoes the change.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime, timedelta

from feedback.outcome import Cause, Outcome, OutcomeKind
from meta.errors import MetaError
from meta.interval import wilson_interval_of
from meta.nights.stages import StageResult
from meta.project import Report
from meta.proposals.view import view_proposal
from meta.records.account import MergeRate, Promise
from meta.records.candidate import Proposal
from meta.store.store import Store
from meta.surfaces.versions import GitVersions

MAX_DAYS_BEFORE = 90
"""Pull requests older than this, counted from the merge, say little about the agent that the merge changed."""

MIN_PULLS = 8
"""With fewer pull requests on either side, no drop is called."""

CAUSES_NOT_THE_AGENTS = frozenset({Cause.SUPERSEDED, Cause.DUPLICATE_TICKET, Cause.ABANDONED, Cause.PLANS_CHANGED})


def compare_promises(store: Store, versions: GitVersions, report: Report) -> StageResult:
    """Compare every accepted proposal with the pull requests before and since.

    Where real one-shot success has dropped, a branch is made that undoes the change.
    """
    outcomes = store.outcomes.all()
    accepted = store.proposals.accepted()
    found = []
    for proposal in accepted:
        try:
            before, after = _merge_rates(proposal, accepted, outcomes, _merged_version(versions, proposal))
            seen, dropped = view_proposal(store, versions, proposal), is_drop(before, after)
            promise = Promise(
                proposal=proposal.id,
                title=seen.candidate.edit.title,
                promised=(seen.before.value, seen.after.value) if seen.before.n and seen.after.n else None,
                before=before,
                after=after,
                dropped=dropped,
                branch=_undo_on_branch(versions, proposal) if dropped else "",
            )
        except MetaError as error:  # a commit that is gone: the others can still be compared
            report(f"cannot compare proposal {proposal.id} with what it promised: {error.message}")
            continue
        found.append(promise.model_dump(mode="json"))
    return {"promises": found}


def _merged_version(versions: GitVersions, proposal: Proposal) -> str:
    return versions.at(proposal.merge_commit or proposal.commit_id).id


def _merge_rates(
    proposal: Proposal, accepted: Sequence[Proposal], outcomes: Sequence[Outcome], version: str
) -> tuple[MergeRate, MergeRate]:
    """Pull requests merged as submitted, before this proposal and since.

    A pull request counts for the version in its trailer, or by its date where it has none.
    """
    merged_at = _when(proposal.decided_at)
    later = [_when(p.decided_at) for p in accepted if _when(p.decided_at) > merged_at]
    until = min(later, default=None)
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
    return MergeRate(merged=sum(before), of=len(before)), MergeRate(merged=sum(after), of=len(after))


def is_drop(before: MergeRate, after: MergeRate) -> bool:
    """Whether the 95 % interval of the difference lies below zero.

    It is Newcombe's hybrid score interval (Stat. Med. 17, 1998, method 10). It is looked at every night, so one alarm
    in a few dozen is chance.
    """
    if before.of < MIN_PULLS or after.of < MIN_PULLS:
        return False
    (_, high), (low, _) = wilson_interval_of(after.rate, after.of), wilson_interval_of(before.rate, before.of)
    difference = after.rate - before.rate
    return difference + math.hypot(high - after.rate, before.rate - low) < 0


def _verdict(outcome: Outcome) -> bool | None:
    """Whether a pull request was merged as submitted; `None` where its end says nothing about the agent."""
    if outcome.kind in (OutcomeKind.OPEN, OutcomeKind.UNKNOWN):
        return None
    if outcome.kind == OutcomeKind.REJECTED and outcome.cause in CAUSES_NOT_THE_AGENTS:
        return None
    return outcome.kind == OutcomeKind.MERGED


def _undo_on_branch(versions: GitVersions, proposal: Proposal) -> str:
    """Make a branch on top of HEAD that undoes the merge, once, and return its name; no working tree is touched."""
    name = f"meta/rollback-{proposal.id}"
    if versions.has_branch(name):
        return name
    head, merge = versions.head(), proposal.merge_commit or proposal.commit_id
    changes = versions.carry_over(merge, f"{merge}^", head)
    if changes is None:
        return "`meta proposals rollback`"
    commit = versions.commit(head, changes, f"Roll back proposal {proposal.id}\n\nReal pull requests got worse.")
    versions.branch(name, commit.commit)
    return name


def _when(text: str | None) -> datetime:
    return datetime.fromisoformat(text or "1970-01-01T00:00:00+00:00")
