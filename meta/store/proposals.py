"""DOCSTRING meta.store.proposals."""

from __future__ import annotations

from meta.errors import MetaError
from meta.records.candidate import Proposal, ProposalStatus
from meta.store.definitions import take_timestamp
from meta.store.store import Store


def find_proposal(store: Store, number: int) -> Proposal:
    """The proposal of that number. Raises `MetaError` (exit code 2)."""
    found = find_proposals(store, "id = ?", number)
    if not found:
        known = ", ".join(str(p.id) for p in find_proposals(store)) or "none yet"
        raise MetaError(f"there is no proposal {number}", f"proposals: {known}; see `meta proposals`", code=2)
    return found[0]


# Proposals.


def add_proposal(store: Store, candidate: int, commit: str, base: str) -> Proposal:
    """A new pending proposal; its branch is named after its number."""
    number = store.write(
        "insert into proposals (candidate, branch, commit_id, base_commit, status, made_at)"
        " values (?, '', ?, ?, 'pending', ?)",
        candidate,
        commit,
        base,
        take_timestamp(),
    )
    store.write("update proposals set branch = ? where id = ?", f"meta/proposal-{number}", number)
    return find_proposals(store, "id = ?", number)[0]


def record_decision(
    store: Store, proposal: Proposal, status: ProposalStatus, reason: str = "", merge_commit: str | None = None
) -> Proposal:
    decided = proposal.model_copy(
        update={
            "status": status,
            "reason": reason,
            "merge_commit": merge_commit or proposal.merge_commit,
            "decided_at": take_timestamp(),
        }
    )
    store.write(
        "update proposals set status = ?, reason = ?, merge_commit = ?, decided_at = ? where id = ?",
        decided.status,
        decided.reason,
        decided.merge_commit,
        decided.decided_at,
        decided.id,
    )
    return decided


def find_proposals(store: Store, where: str = "1", *values: object) -> list[Proposal]:
    return [Proposal(**row) for row in store.rows(f"select * from proposals where {where} order by id", *values)]
