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
from meta.store.proposals import find_proposals, record_decision


def read_proposal_feedback(context: Context) -> list[Proposal]:
    """What became of published proposals: merged is accepted, closed or sent back by a reviewer is rejected, with the
    reviewers' words as the reason. Returns those that changed. Raises `FeedbackError` when GitHub cannot be read."""
    rows = context.store.rows(
        "select u.proposal, u.repository, u.number from published u join proposals p on p.id = u.proposal"
        " where p.status = 'pending' or (p.status = 'rejected' and p.reason like 'changes requested%')"
        " order by u.proposal"
    )
    changed: list[Proposal] = []
    if rows:
        with connect_github(context) as client:
            for row in rows:
                changed += _read_one(context, client, row["proposal"], row["repository"], row["number"])
    return changed


def _read_one(
    context: Context, client: GitHubClient, number: int, repository: str, pull_number: int
) -> Iterator[Proposal]:
    proposal = find_proposals(context.store, "id = ?", number)[0]
    problems: list[Problem] = []
    owner, _, name = repository.partition("/")
    data = client.query(queries.PULL_BY_NUMBER, {"owner": owner, "name": name, "number": pull_number})
    node = (data.get("repository") or {}).get("pullRequest")
    if not isinstance(node, dict) or not isinstance(node.get("id"), str):
        return
    for _, pull in PullReader(client, repository, problems).read([(node["id"], pull_number)]):
        if pull is None:
            context.tell(f"proposal {number}: {problems[-1] if problems else 'its pull request cannot be read'}")
            continue
        words = tuple(remarks_on(pull, Collaborators(client, repository)))
        if pull.facts.merged:
            commit = pull.facts.merge_commit.oid if pull.facts.merge_commit else None
            yield record_decision(context.store, proposal, "accepted", _reason(pull, words, "merged"), commit)
        elif proposal.status == "pending" and pull.facts.state == "CLOSED":
            yield from reject_proposal(context, proposal, _reason(pull, words, "closed"))
        elif pull.facts.state == "CLOSED":  # after it was sent back: that is the end, and it is not asked for again
            yield record_decision(context.store, proposal, "rejected", _reason(pull, words, "closed"))
        elif proposal.status == "pending" and _sent_back(pull):
            yield from reject_proposal(context, proposal, _reason(pull, words, "changes requested"))


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
