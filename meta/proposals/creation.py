"""A kept candidate becomes a proposal: a branch with its evidence, made without touching anybody's working tree."""

from __future__ import annotations

from meta.records.candidate import Candidate, Proposal
from meta.store.proposals import Proposals
from meta.surfaces.versions import Version, VersionHistory


def create_proposal(
    proposals: Proposals, history: VersionHistory, candidate: Candidate, version: Version, base: Version
) -> Proposal:
    """Record the proposal unless it is there, then point its branch at the candidate's commit."""
    proposal = proposals.of_candidate(candidate.id) or proposals.add(candidate.id, version.commit, base.commit)
    history.branch(proposal.branch, version.commit)
    return proposal
