"""DOCSTRING meta.forges.github.proposal_feedback."""

from __future__ import annotations

from collections.abc import Iterator

from feedback.github import queries
from feedback.github.client import GitHubClient
from feedback.github.pulls import PullDetails, PullReader
from feedback.github.remarks import Collaborators, remarks_on
from feedback.outcome import Comment, is_bot
from feedback.problems import Problem
from meta.app import Context
from meta.forges.github.address import connect_github
from meta.proposals.decision import reject_proposal
from meta.records.candidate import Proposal
from meta.store.proposals import PublishedProposal

CHANGES_REQUESTED = "changes requested"
"""How the reason of a proposal begins that a reviewer sent back. It is read back: such a one may still be merged."""


def read_proposal_feedback(context: Context) -> list[Proposal]:
    """What became of published proposals: merged is accepted, closed or sent back by a reviewer is rejected, with the
    reviewers' words as the reason. Returns those that changed. Raises `FeedbackError` when GitHub cannot be read."""
    published = context.store.proposals.published(CHANGES_REQUESTED)
    changed: list[Proposal] = []
    if published:
        with connect_github(context) as client:
            for each in published:
                changed += _read_one(context, client, each)
    return changed


def _read_one(context: Context, client: GitHubClient, published: PublishedProposal) -> Iterator[Proposal]:
    # As it is by now: an earlier one in this run may have made it stale.
    proposal, repository = context.store.proposals.find(published.proposal.id), published.repository
    problems: list[Problem] = []
    owner, _, name = repository.partition("/")
    data = client.query(queries.PULL_BY_NUMBER, {"owner": owner, "name": name, "number": published.number})
    node = (data.get("repository") or {}).get("pullRequest")
    if not isinstance(node, dict) or not isinstance(node.get("id"), str):
        return
    for _, pull in PullReader(client, repository, problems).read([(node["id"], published.number)]):
        if pull is None:
            context.tell(f"proposal {proposal.id}: {problems[-1] if problems else 'its pull request cannot be read'}")
            continue
        words = tuple(remarks_on(pull, Collaborators(client, repository)))
        if pull.facts.merged:
            commit = pull.facts.merge_commit.oid if pull.facts.merge_commit else None
            yield context.store.proposals.decide(proposal, "accepted", _reason(pull, words, "merged"), commit)
        elif proposal.status == "pending" and pull.facts.state == "CLOSED":
            yield from reject_proposal(context, proposal, _reason(pull, words, "closed"))
        elif pull.facts.state == "CLOSED":  # after it was sent back: that is the end, and it is not asked for again
            yield context.store.proposals.decide(proposal, "rejected", _reason(pull, words, "closed"))
        elif proposal.status == "pending" and _sent_back(pull):
            yield from reject_proposal(context, proposal, _reason(pull, words, CHANGES_REQUESTED))


def _sent_back(pull: PullDetails) -> bool:
    """Whether somebody who may push asks for changes and has not approved since."""
    newest: dict[str, str] = {}
    for review in sorted(pull.reviews, key=lambda r: r.when):
        if (
            review.can_push
            and not is_bot(review.who)
            and review.state in ("APPROVED", "CHANGES_REQUESTED", "DISMISSED")
        ):
            newest[review.who] = review.state
    return "CHANGES_REQUESTED" in newest.values()


def _reason(pull: PullDetails, words: tuple[Comment, ...], how: str) -> str:
    """How it ended, by whom, and the last words of people who may push, each with its author."""
    kind = "MergedEvent" if how == "merged" else "ClosedEvent"
    by = [event.who for event in pull.events if event.typename == kind]
    said = [w for w in words if w.write_access and not is_bot(w.author)][-3:]
    quoted = "; ".join(f"{w.author}: “{' '.join(w.text.split())[:300]}”" for w in said)
    head = f"{how} on GitHub{f' by {by[-1]}' if by else ''} (#{pull.facts.number})"
    return f"{head}. {quoted}" if quoted else f"{head}, without a word"
