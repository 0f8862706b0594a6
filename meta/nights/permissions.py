"""What a night may do to the agent without a person: nothing, unless the team chose so in meta.toml."""

from __future__ import annotations

from typing import Any

from meta.app import Context
from meta.errors import MetaError
from meta.proposals.decision import accept_proposal
from meta.records.candidate import Proposal


def merge_kept_proposals(context: Context) -> list[int]:
    """Merge what the strict tier kept, if the team chose that; returns the proposals' numbers.

    A proposal that was tested in another tier, or that stands against changes of a person's own, stays pending.
    """
    settings = context.settings
    if not settings.nightly.merge or settings.tune.tier != "strict":
        return []
    merged = []
    for proposal in context.store.proposals.pending():
        if not context.store.gate_tests.is_strict(proposal.candidate):
            context.tell(f"proposal {proposal.id} was not tested in the strict tier and waits for a person")
            continue
        try:
            accept_proposal(context, proposal)
        except MetaError as error:
            context.tell(f"proposal {proposal.id} waits for a person: {error.message}")
            continue
        context.tell(f"merged proposal {proposal.id}; `meta proposals rollback {proposal.id}` undoes it")
        merged.append(proposal.id)
    return merged


def publish_pending_proposals(context: Context) -> dict[str, Any]:
    """Publish what is pending, if the team chose that. A failure is told and never ends the night."""
    if not context.settings.nightly.publish:
        return {}
    published, problems = [], []
    for proposal in context.store.proposals.pending():
        try:
            published.append(publish_unattended(context, proposal))
        except MetaError as error:
            problems.append(f"proposal {proposal.id} is not published: {error.message}")
    return {"published": published, "problems": problems}


def publish_unattended(context: Context, proposal: Proposal) -> str:
    """Publish one proposal as a pull request; returns where it is. Publishing one twice must change nothing."""
    from meta.forges.github.publication import publish_proposal as open_pull_request

    return open_pull_request(context, proposal)
