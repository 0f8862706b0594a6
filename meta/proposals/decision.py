"""Accept, reject or roll back a proposal."""

from __future__ import annotations

from meta.errors import ExitCode, MetaError
from meta.records.candidate import Proposal
from meta.store.store import Store
from meta.surfaces.versions import GitVersions
from worker_agent.branch import write_message


def accept_proposal(store: Store, versions: GitVersions, proposal: Proposal) -> Proposal:
    """Merge a proposal into the branch that is checked out in the agent's repository.

    Raises `MetaError`, with nothing changed, when it was already decided, when the person's own changes are in the
    way, or when the merge conflicts.
    """
    _require_status(proposal, "pending")
    base = store.proposals.at_commit(proposal.base_commit)
    if base and base.status == "pending":
        raise MetaError(
            f"proposal {proposal.id} builds on proposal {base.id}, which is still pending", f"decide {base.id} first"
        )
    title = store.candidates.find(proposal.candidate).edit.title
    message = write_message(f"Merge proposal {proposal.id}: {title}", "", f"Meta-Proposal: {proposal.id}")
    merge = _apply_to_head(
        versions, f"{proposal.commit_id}^", proposal.commit_id, message, second_parent=proposal.commit_id
    )
    return store.proposals.decide(proposal, "accepted", merge_commit=merge)


def reject_proposal(store: Store, proposal: Proposal, reason: str) -> list[Proposal]:
    """Reject a proposal and remember why; those that build on it become stale.

    Returns all that changed.
    """
    _require_status(proposal, "pending")
    if not reason.strip():
        raise MetaError(
            "a rejection needs a reason, because the proposer learns from it", "give --reason TEXT", ExitCode.USAGE
        )
    changed = [store.proposals.decide(proposal, "rejected", reason.strip())]
    for other in store.proposals.resting_on(proposal):
        reason = f"it builds on proposal {proposal.id}, which was rejected"
        changed.append(store.proposals.decide(other, "stale", reason))
    return changed


def roll_back_proposal(store: Store, versions: GitVersions, proposal: Proposal, reason: str) -> Proposal:
    """Revert the merge of an accepted proposal with one commit."""
    _require_status(proposal, "accepted")
    assert proposal.merge_commit
    message = write_message(f"Roll back proposal {proposal.id}", reason)
    _apply_to_head(versions, proposal.merge_commit, f"{proposal.merge_commit}^", message)
    return store.proposals.decide(proposal, "rolled_back", reason.strip() or "rolled back by hand")


def _apply_to_head(versions: GitVersions, before: str, after: str, message: str, second_parent: str = "") -> str:
    """Commit the change between two commits on top of HEAD, and move the branch there.

    The commit is made from objects alone, so that a conflict never leaves a half-merged working tree behind.
    """
    head = versions.head()
    changes = versions.carry_over(before, after, head)
    if changes is None:
        raise MetaError(
            f"{(second_parent or before)[:10]} conflicts with later changes in {versions.folder}/",
            f"merge {(second_parent or before)[:10]} by hand, or reject the proposal and let the next night try again",
        )
    commit = versions.commit(head, changes, message, second_parent=second_parent).commit
    versions.advance(commit)
    return commit


def _require_status(proposal: Proposal, status: str) -> None:
    if proposal.status != status:
        raise MetaError(
            f"proposal {proposal.id} is {proposal.status.replace('_', ' ')}, not {status}",
            "see `meta proposals`",
            ExitCode.NOTHING_TO_DO,
        )
