"""A proposal as a pull request on the agent's own repository, and what became of it there."""

from __future__ import annotations

from collections.abc import Iterator

from feedback.errors import FeedbackError
from feedback.github import queries
from feedback.github.client import Client
from feedback.github.pull import Pull, Pulls
from feedback.github.said import People, words_of
from feedback.problems import Problem
from feedback.records import Comment
from feedback.words import is_bot
from meta.context import Context
from meta.errors import MetaError
from meta.github import remote
from meta.github.place import connect
from meta.github.pull_request import harmless, open_one
from meta.records import Proposal
from meta.review.decide import reject
from meta.review.text import page
from meta.review.view import view
from meta.store.store import now
from meta.store.tuning import decide, proposals

TRAILER = "Meta-Proposal"
_DIFF_CHARS = 20_000


def publish(context: Context, proposal: Proposal) -> str:
    """Push the proposal's branch and open its pull request; returns its address. Twice changes nothing.

    Raises `MetaError` when it was decided already, or GitHub refuses.
    """
    if proposal.status != "pending":
        raise MetaError(
            f"proposal {proposal.id} is {proposal.status.replace('_', ' ')}", "see `meta proposals`", code=3
        )
    repository = _repository(context)
    try:
        with connect(context) as client:
            told = client.get(f"repos/{repository}")
            base = told.get("default_branch") if isinstance(told, dict) else None
            if not isinstance(base, str):
                raise MetaError(f"{repository} has no default branch", "check github.agent_repository in meta.toml")
            agent = context.settings.agent_repository
            remote.push(context, agent, proposal.commit_id, proposal.branch)
            title, body = _words(context, proposal)
            opened = open_one(client, repository, proposal.branch, base=base, title=title, body=body)
    except FeedbackError as error:
        raise MetaError(str(error)) from None
    context.store.write(
        "insert or replace into published (proposal, repository, number, url, at) values (?, ?, ?, ?, ?)",
        proposal.id, repository, opened.number, opened.url, now(),
    )  # fmt: skip
    return opened.url


def _repository(context: Context) -> str:
    name = context.settings.github.agent_repository
    if name.count("/") != 1:
        raise MetaError(
            "meta.toml does not say where the agent's repository is on GitHub",
            'set agent_repository = "owner/name" under [github]', code=2,
        )  # fmt: skip
    return name


def _words(context: Context, proposal: Proposal) -> tuple[str, str]:
    """Title and description: why, what the replays say, what it cost; the diff is the pull request's own."""
    shown = view(context, proposal)
    edit = shown.candidate.edit
    evidence = page(shown).replace(shown.diff.rstrip(), "(the change of this pull request)")
    body = "\n\n".join([
        harmless(edit.hypothesis or "No hypothesis was given."),
        "Merging this accepts the proposal. Closing it rejects it: say why in a comment or a review, and the next night"
        " learns from it.",
        "<details open><summary>What the replays say, for and against</summary>\n\n```text\n"
        + evidence.replace("```", "'''")[:_DIFF_CHARS] + "\n```\n</details>",
        f"`meta proposals show {proposal.id} --audit` recomputes the decision from the recorded replays.",
        f"{TRAILER}: {proposal.id}",
    ])  # fmt: skip
    return edit.title, body


def read_back(context: Context) -> list[Proposal]:
    """What became of published proposals: merged is accepted, closed or sent back by a reviewer is rejected, with the
    reviewers' words as the reason. Returns those that changed. Raises `FeedbackError` when GitHub cannot be read."""
    rows = context.store.rows(
        "select u.proposal, u.repository, u.number from published u join proposals p on p.id = u.proposal"
        " where p.status = 'pending' or (p.status = 'rejected' and p.reason like 'changes requested%')"
        " order by u.proposal"
    )
    changed: list[Proposal] = []
    if rows:
        with connect(context) as client:
            for row in rows:
                changed += _read_one(context, client, row["proposal"], row["repository"], row["number"])
    return changed


def _read_one(context: Context, client: Client, number: int, repository: str, pull_number: int) -> Iterator[Proposal]:
    proposal = proposals(context.store, "id = ?", number)[0]
    problems: list[Problem] = []
    owner, _, name = repository.partition("/")
    data = client.query(queries.BY_NUMBER, {"owner": owner, "name": name, "number": pull_number})
    node = (data.get("repository") or {}).get("pullRequest")
    if not isinstance(node, dict) or not isinstance(node.get("id"), str):
        return
    for _, pull in Pulls(client, repository, problems).read([(node["id"], pull_number)]):
        if pull is None:
            context.tell(f"proposal {number}: {problems[-1] if problems else 'its pull request cannot be read'}")
            continue
        words = tuple(words_of(pull, People(client, repository)))
        if pull.facts.merged:
            commit = pull.facts.merge_commit.oid if pull.facts.merge_commit else None
            yield decide(context.store, proposal, "accepted", _reason(pull, words, "merged"), commit)
        elif proposal.status == "pending" and pull.facts.state == "CLOSED":
            yield from reject(context, proposal, _reason(pull, words, "closed"))
        elif pull.facts.state == "CLOSED":  # after it was sent back: that is the end, and it is not asked for again
            yield decide(context.store, proposal, "rejected", _reason(pull, words, "closed"))
        elif proposal.status == "pending" and _sent_back(pull):
            yield from reject(context, proposal, _reason(pull, words, "changes requested"))


def _sent_back(pull: Pull) -> bool:
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


def _reason(pull: Pull, words: tuple[Comment, ...], how: str) -> str:
    """How it ended, by whom, and the last words of people who may push, each with its author."""
    kind = "MergedEvent" if how == "merged" else "ClosedEvent"
    by = [event.who for event in pull.events if event.typename == kind]
    said = [w for w in words if w.write_access and not is_bot(w.author)][-3:]
    quoted = "; ".join(f"{w.author}: “{' '.join(w.text.split())[:300]}”" for w in said)
    head = f"{how} on GitHub{f' by {by[-1]}' if by else ''} (#{pull.facts.number})"
    return f"{head}. {quoted}" if quoted else f"{head}, without a word"
