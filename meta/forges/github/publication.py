"""A proposal as a pull request on the agent's own repository, and what became of it there."""

from __future__ import annotations

from feedback.problems import FeedbackError
from meta.app import Context
from meta.errors import MetaError
from meta.forges.github import remote
from meta.forges.github.address import connect_github
from meta.forges.github.pull_request import neutralize_markup, open_pull_request
from meta.look.proposal_page import proposal_page
from meta.proposals.view import view_proposal
from meta.records.candidate import Proposal

PROPOSAL_TRAILER = "Meta-Proposal"
_DIFF_CHARS = 20_000


def publish_proposal(context: Context, proposal: Proposal) -> str:
    """Push the proposal's branch and open its pull request; returns its address. Twice changes nothing.

    Raises `MetaError` when it was decided already, or GitHub refuses.
    """
    if proposal.status != "pending":
        raise MetaError(
            f"proposal {proposal.id} is {proposal.status.replace('_', ' ')}", "see `meta proposals`", code=3
        )
    repository = _repository(context)
    try:
        with connect_github(context) as client:
            told = client.get(f"repos/{repository}")
            base = told.get("default_branch") if isinstance(told, dict) else None
            if not isinstance(base, str):
                raise MetaError(f"{repository} has no default branch", "check github.agent_repository in meta.toml")
            agent = context.settings.agent_repository
            remote.push_commit(context, agent, proposal.commit_id, proposal.branch)
            title, body = _words(context, proposal)
            opened = open_pull_request(client, repository, proposal.branch, base=base, title=title, body=body)
    except FeedbackError as error:
        raise MetaError(str(error)) from None
    context.store.proposals.publish(proposal, repository, opened.number, opened.url)
    return opened.url


def _repository(context: Context) -> str:
    name = context.settings.github.agent_repository
    if name.count("/") != 1:
        raise MetaError(
            "meta.toml does not say where the agent's repository is on GitHub",
            'set agent_repository = "owner/name" under [github]',
            code=2,
        )
    return name


def _words(context: Context, proposal: Proposal) -> tuple[str, str]:
    """Title and description: why, what the replays say, what it cost; the diff is the pull request's own."""
    shown = view_proposal(context, proposal)
    edit = shown.candidate.edit
    evidence = proposal_page(shown).replace(shown.diff.rstrip(), "(the change of this pull request)")
    body = "\n\n".join(
        [
            neutralize_markup(edit.hypothesis or "No hypothesis was given."),
            "Merging this accepts the proposal. Closing it rejects it: say why in a comment or a review, and the next"
            " night"
            " learns from it.",
            "<details open><summary>What the replays say, for and against</summary>\n\n```text\n"
            + evidence.replace("```", "'''")[:_DIFF_CHARS]
            + "\n```\n</details>",
            f"`meta proposals show {proposal.id} --audit` recomputes the decision from the recorded replays.",
            f"{PROPOSAL_TRAILER}: {proposal.id}",
        ]
    )
    return edit.title, body
