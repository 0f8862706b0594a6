"""A person's word on a proposal: accept merges it, reject remembers why, rollback undoes a merge."""

from __future__ import annotations

from meta.app import Context
from meta.errors import MetaError
from meta.records.candidate import Proposal


def accept_proposal(context: Context, proposal: Proposal) -> Proposal:
    """Merge the proposal's branch into the branch that is checked out in the agent's repository.

    Raises `MetaError`, with nothing changed, when it was already decided, when changes of the person's own stand in
    the way, or when the merge conflicts.
    """
    _must_be(proposal, "pending")
    under = context.store.proposals.at_commit(proposal.base_commit)
    if under and under.status == "pending":
        raise MetaError(
            f"proposal {proposal.id} stands on proposal {under.id}, which is still pending", f"decide {under.id} first"
        )
    title = context.store.candidates.find(proposal.candidate).edit.title
    message = f"Merge proposal {proposal.id}: {title}\n\nMeta-Proposal: {proposal.id}"
    merge = _carry(context, f"{proposal.commit_id}^", proposal.commit_id, message, also=proposal.commit_id)
    return context.store.proposals.decide(proposal, "accepted", merge_commit=merge)


def reject_proposal(context: Context, proposal: Proposal, reason: str) -> list[Proposal]:
    """Remember why; proposals that stand on this one become stale. Returns all that changed."""
    _must_be(proposal, "pending")
    if not reason.strip():
        raise MetaError("a rejection needs its reason: the proposer learns from it", "give --reason TEXT", code=2)
    changed = [context.store.proposals.decide(proposal, "rejected", reason.strip())]
    for other in context.store.proposals.resting_on(proposal):
        changed.append(
            context.store.proposals.decide(other, "stale", f"it stood on proposal {proposal.id}, which was rejected")
        )
    return changed


def roll_back_proposal(context: Context, proposal: Proposal, reason: str) -> Proposal:
    """Revert the merge of an accepted proposal with a commit of its own."""
    _must_be(proposal, "accepted")
    assert proposal.merge_commit
    message = f"Roll back proposal {proposal.id}\n\n{reason.strip()}".strip()
    _carry(context, proposal.merge_commit, f"{proposal.merge_commit}^", message)
    return context.store.proposals.decide(proposal, "rolled_back", reason.strip() or "rolled back by hand")


def _carry(context: Context, before: str, after: str, message: str, also: str = "") -> str:
    """Put what changed between two commits on top of HEAD. The merge is made from objects alone, so that a conflict
    never leaves a half-merged working tree behind."""
    versions = context.versions
    head = versions.head()
    changes = versions.carried_over(before, after, head)
    if changes is None:
        raise MetaError(
            f"{versions.folder}/ has changed since in the same place",
            f"merge {also[:10] or before[:10]} by hand, or reject the proposal and let the next night try again",
        )
    commit = versions.commit(head, changes, message, also=also).commit
    versions.advance(commit)
    return commit


def _must_be(proposal: Proposal, status: str) -> None:
    if proposal.status != status:
        raise MetaError(
            f"proposal {proposal.id} is {proposal.status.replace('_', ' ')}, not {status}",
            "see `meta proposals`",
            code=3,
        )
