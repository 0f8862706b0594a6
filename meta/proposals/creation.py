"""A kept candidate becomes a proposal: a branch with its evidence, made without touching anybody's working tree."""

from __future__ import annotations

from meta.app import Context
from meta.records.candidate import Candidate, Proposal
from meta.surfaces.versions import Version


def write_proposal(context: Context, candidate: Candidate, version: Version, base: Version) -> Proposal:
    """Record the proposal, then point its branch at the candidate's commit."""
    proposals = context.store.proposals
    known = proposals.of_candidate(candidate.id)
    proposal = known or proposals.add(candidate.id, version.commit, base.commit)
    context.versions.branch(proposal.branch, version.commit)
    return proposal
