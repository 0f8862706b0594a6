"""Publish a proposal as a pull request on the agent's own repository."""

from __future__ import annotations

from feedback.problems import FeedbackError
from meta.errors import ExitCode, MetaError
from meta.forges.github.address import connect_github
from meta.forges.github.pull_request import neutralize_markup, open_pull_request
from meta.forges.github.remote import OriginRemote
from meta.look.proposal_page import proposal_page
from meta.project import Project
from meta.proposals.view import ProposalView, view_proposal
from meta.records.candidate import Proposal
from meta.store.store import Store
from meta.surfaces.versions import GitVersions
from safeguards.inert_text import make_inert
from safeguards.masking import mask_secrets

PROPOSAL_TRAILER = "Meta-Proposal"
_MAX_EVIDENCE_CHARS = 20_000


def publish_proposal(project: Project, store: Store, versions: GitVersions, proposal: Proposal) -> str:
    """Push the proposal's branch, open its pull request, and return its address.

    Doing so twice changes nothing. Raises `MetaError` when the proposal is already decided, or when GitHub refuses.
    """
    if proposal.status != "pending":
        status = proposal.status.replace("_", " ")
        raise MetaError(f"proposal {proposal.id} is {status}", "see `meta proposals`", ExitCode.NOTHING_TO_DO)
    github, report = project.settings.github, project.report
    repository = github.agent_repository
    if repository.count("/") != 1:
        raise MetaError(
            "meta.toml does not say where the agent's repository is on GitHub",
            'set agent_repository = "owner/name" in [github]',
            ExitCode.USAGE,
        )
    try:
        with connect_github(github, report) as client:
            answer = client.get(f"repos/{repository}")
            base = answer.get("default_branch") if isinstance(answer, dict) else None
            if not isinstance(base, str):
                raise MetaError(f"{repository} has no default branch", "check github.agent_repository in meta.toml")
            OriginRemote(project.agent_repository, github, report).push_commit(proposal.commit_id, proposal.branch)
            view = view_proposal(store, versions, proposal)
            title, body = view.candidate.edit.title, _description(view)
            opened = open_pull_request(client, repository, proposal.branch, base=base, title=title, body=body)
    except FeedbackError as error:
        raise MetaError(str(error)) from None
    store.proposals.publish(proposal, repository, opened.number, opened.url)
    return opened.url


def _description(view: ProposalView) -> str:
    """Why, what the replays say, and what it cost; the diff is the pull request's own."""
    evidence = proposal_page(view).replace(view.diff.rstrip(), "(the change of this pull request)")
    number = view.proposal.id
    return "\n\n".join(
        [
            neutralize_markup(view.candidate.edit.hypothesis or "No hypothesis was given."),
            "Merge this to accept the proposal, or close it to reject it. If you close it, say why in a comment or a"
            " review: the next night learns from it.",
            "<details open><summary>What the replays say, for and against</summary>\n\n```text\n"
            + make_inert(mask_secrets(evidence[:_MAX_EVIDENCE_CHARS])).replace("```", "'''")
            + "\n```\n</details>",
            f"`meta proposals show {number} --audit` recomputes the decision from the recorded replays.",
            f"{PROPOSAL_TRAILER}: {number}",
        ]
    )
