"""A person's word on a proposal: accept merges it, reject remembers why, rollback undoes a merge."""

from __future__ import annotations

from meta.errors import MetaError
from meta.records.candidate import Proposal
from meta.store.store import Store
from meta.surfaces.versions import GitVersions


def accept_proposal(store: Store, versions: GitVersions, proposal: Proposal) -> Proposal:
    """Merge the proposal's branch into the branch that is checked out in the agent's repository.

    Raises `MetaError`, with nothing changed, when it was already decided, when changes of the person's own stand in
    the way, or when the merge conflicts.
    """
    _must_be(proposal, "pending")
    under = store.proposals.at_commit(proposal.base_commit)
    if under and under.status == "pending":
        raise MetaError(
            f"proposal {proposal.id} stands on proposal {under.id}, which is still pending", f"decide {under.id} first"
        )
    title = store.candidates.find(proposal.candidate).edit.title
    message = f"Merge proposal {proposal.id}: {title}\n\nMeta-Proposal: {proposal.id}"
    merge = _carry(versions, f"{proposal.commit_id}^", proposal.commit_id, message, also=proposal.commit_id)
    return store.proposals.decide(proposal, "accepted", merge_commit=merge)


def reject_proposal(store: Store, proposal: Proposal, reason: str) -> list[Proposal]:
    """Remember why; proposals that stand on this one become stale. Returns all that changed."""
    _must_be(proposal, "pending")
    if not reason.strip():
        raise MetaError("a rejection needs its reason: the proposer learns from it", "give --reason TEXT", code=2)
    changed = [store.proposals.decide(proposal, "rejected", reason.strip())]
    for other in store.proposals.resting_on(proposal):
        changed.append(
            store.proposals.decide(other, "stale", f"it stood on proposal {proposal.id}, which was rejected")
        )
    return changed


def roll_back_proposal(store: Store, versions: GitVersions, proposal: Proposal, reason: str) -> Proposal:
    """Revert the merge of an accepted proposal with a commit of its own."""
    _must_be(proposal, "accepted")
    assert proposal.merge_commit
    message = f"Roll back proposal {proposal.id}\n\n{reason.strip()}".strip()
    _carry(versions, proposal.merge_commit, f"{proposal.merge_commit}^", message)
    return store.proposals.decide(proposal, "rolled_back", reason.strip() or "rolled back by hand")


def _carry(versions: GitVersions, before: str, after: str, message: str, also: str = "") -> str:
    """Put what changed between two commits on top of HEAD. The merge is made from objects alone, so that a conflict
    never leaves a half-merged working tree behind."""
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
