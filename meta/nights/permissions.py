"""What a night may do to the agent without a person.

That is nothing, unless the team chose otherwise in meta.toml.
"""

from __future__ import annotations

from meta.errors import MetaError
from meta.forges.github.publication import publish_proposal
from meta.nights.stages import StageResult
from meta.project import Project
from meta.proposals.decision import accept_proposal
from meta.store.store import Store
from meta.surfaces.versions import GitVersions


def merge_kept_proposals(project: Project, store: Store, versions: GitVersions) -> StageResult:
    """Merge what the strict tier kept, if the team chose that.

    A proposal that was tested in another tier, or that conflicts with somebody's own changes, stays pending.
    """
    settings, report = project.settings, project.report
    if not settings.nightly.merge or settings.tune.tier != "strict":
        return {"merged": []}
    merged = []
    for proposal in store.proposals.pending():
        if not store.gate_tests.is_strict(proposal.candidate):
            report(f"proposal {proposal.id} waits for a person: it was not tested in the strict tier")
            continue
        try:
            accept_proposal(store, versions, proposal)
        except MetaError as error:
            report(f"proposal {proposal.id} waits for a person: {error.message}")
            continue
        report(f"merged proposal {proposal.id}; to undo it: `meta proposals rollback {proposal.id}`")
        merged.append(proposal.id)
    return {"merged": merged}


def publish_pending_proposals(project: Project, store: Store, versions: GitVersions) -> StageResult:
    """Open a pull request for each pending proposal, if the team chose that.

    A failure is a problem in the account and does not end the night.
    """
    if not project.settings.nightly.publish:
        return {}
    published, problems = [], []
    for proposal in store.proposals.pending():
        try:
            published.append(publish_proposal(project, store, versions, proposal))
        except MetaError as error:
            problems.append(f"proposal {proposal.id} is not published: {error.message}")
    return {"published": published, "problems": problems}
