"""Take what happens to a published proposal as a person's decision on it."""

from __future__ import annotations

from collections.abc import Iterable

from feedback.github import queries
from feedback.github.client import GitHubClient
from feedback.github.pulls import PullDetails, PullReader
from feedback.github.remarks import Collaborators, remarks_on
from feedback.outcome import Comment, is_bot
from feedback.problems import Problem
from meta.forges.github.address import connect_github
from meta.project import Report
from meta.proposals.decision import reject_proposal
from meta.records.candidate import Proposal
from meta.settings import GitHubSettings
from meta.store.proposals import PublishedProposal
from meta.store.store import Store

CHANGES_REQUESTED = "changes requested"
"""How the reason of a proposal begins that a reviewer sent back. It is read back: such a one may still be merged."""


def read_proposal_feedback(store: Store, github: GitHubSettings, report: Report) -> list[Proposal]:
    """Accept published proposals that were merged, and reject those turned down.

    Turned down means closed, or sent back by a reviewer; the reviewers' words become the reason. Returns the proposals
    that changed. Raises `FeedbackError` when GitHub cannot be read.
    """
    published = store.proposals.published(CHANGES_REQUESTED)
    if not published:
        return []
    changed: list[Proposal] = []
    with connect_github(github, report) as client:
        for each in published:
            pull = _read_pull(client, each, report)
            if pull is not None:
                words = tuple(remarks_on(pull, Collaborators(client, each.repository)))
                # As it is by now: the decision on an earlier one may have made it stale.
                changed += _decide(store, store.proposals.find(each.proposal.id), pull, words)
    return changed


def _read_pull(client: GitHubClient, published: PublishedProposal, report: Report) -> PullDetails | None:
    """The pull request of a proposal; `None`, and a line in the report, where it cannot be read."""
    problems: list[Problem] = []
    owner, _, name = published.repository.partition("/")
    data = client.query(queries.PULL_BY_NUMBER, {"owner": owner, "name": name, "number": published.number})
    node = (data.get("repository") or {}).get("pullRequest")
    if not isinstance(node, dict) or not isinstance(node.get("id"), str):
        return None
    reader = PullReader(client, published.repository, problems)
    found = next((pull for _, pull in reader.read([(node["id"], published.number)])), None)
    if found is None:
        problem = problems[-1] if problems else "its pull request cannot be read"
        report(f"proposal {published.proposal.id}: {problem}")
    return found


def _decide(store: Store, proposal: Proposal, pull: PullDetails, words: tuple[Comment, ...]) -> Iterable[Proposal]:
    """Take what happened to the pull request as the decision. Returns the proposals that changed."""
    if pull.facts.merged:
        commit = pull.facts.merge_commit.oid if pull.facts.merge_commit else None
        return [store.proposals.decide(proposal, "accepted", _reason(pull, words, "merged"), commit)]
    if pull.facts.state == "CLOSED":
        reason = _reason(pull, words, "closed")
        if proposal.status == "pending":
            return reject_proposal(store, proposal, reason)
        return [store.proposals.decide(proposal, "rejected", reason)]  # it was sent back before; this is the end
    if proposal.status == "pending" and _is_sent_back(pull):
        return reject_proposal(store, proposal, _reason(pull, words, CHANGES_REQUESTED))
    return []


def _is_sent_back(pull: PullDetails) -> bool:
    """Whether somebody who can push asked for changes and has not approved since."""
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
    """How it ended, by whom, and the last words of people who can push, each with their name."""
    kind = "MergedEvent" if how == "merged" else "ClosedEvent"
    by = [event.who for event in pull.events if event.typename == kind]
    said = [w for w in words if w.write_access and not is_bot(w.author)][-3:]
    quoted = "; ".join(f"{w.author}: “{' '.join(w.text.split())[:300]}”" for w in said)
    head = f"{how} on GitHub{f' by {by[-1]}' if by else ''} (#{pull.facts.number})"
    return f"{head}. {quoted}" if quoted else f"{head}, without a word"
