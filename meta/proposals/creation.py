"""Makes a proposal of a kept candidate: a record and a branch that holds only the commit.

Nobody's working tree is touched.
"""

from __future__ import annotations

from meta.records.candidate import Candidate, Proposal
from meta.store.proposals import Proposals
from meta.surfaces.versions import Version, VersionHistory


def create_proposal(
    proposals: Proposals, history: VersionHistory, candidate: Candidate, version: Version, base: Version
) -> Proposal:
    """Record the proposal, unless it exists, and point its branch at the commit."""
    proposal = proposals.of_candidate(candidate.id) or proposals.add(candidate.id, version.commit, base.commit)
    history.branch(proposal.branch, version.commit)
    return proposal
