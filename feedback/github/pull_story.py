"""What happened to a pull request before it ended.

It says who committed, who asked for changes, whether the agent replied, and who force-pushed.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from feedback.github.answers import PullCommit, Review
from feedback.github.pulls import PullDetails
from feedback.github.reversals import Reversal, find_reversal
from feedback.identity import AgentIdentity, is_person
from feedback.outcome import Comment, RecognitionSign, is_bot


@dataclass(frozen=True, slots=True)
class ForcePush:
    """A force push by somebody other than the agent."""

    when: datetime
    author: str
    replaced_sha: str


@dataclass(frozen=True, slots=True)
class PullStory:
    """What happened to one of the agent's pull requests."""

    pull: PullDetails
    agent: str
    recognised_by: RecognitionSign
    version: str | None
    own_commits: tuple[PullCommit, ...]
    """Its commits without merges."""
    by_people: tuple[PullCommit, ...]
    by_bots: tuple[PullCommit, ...]
    change_requests: tuple[Review, ...]
    """Reviews by people with write access that asked for changes before the end."""
    force_pushes: tuple[ForcePush, ...]
    """Force pushes by people before the end."""
    agent_replied: bool
    """Whether the agent pushed again after a reviewer commented on its lines."""
    submitted_sha: str | None
    """The commit that the first reviewer saw or that the first person built on; the head if nobody did."""
    reversal: Reversal | None

    @classmethod
    def from_pull(cls, pull: PullDetails, words: tuple[Comment, ...], identity: AgentIdentity) -> PullStory | None:
        """Return the story of a pull request; None if it is not the agent's after all."""
        commits = [item.commit for item in pull.commits]
        own_commits = [c for c in commits if c.parents.count < 2] or commits[-1:]
        recognised = _recognise(pull, own_commits, identity)
        if recognised is None:
            return None
        agent, sign = recognised
        by_agent: list[PullCommit] = []
        others: list[PullCommit] = []
        for commit in own_commits:
            (by_agent if _is_agents(commit, pull, identity, sign) else others).append(commit)
        if sign in ("trailer", "co-author", "label") and not by_agent:
            others = others[1:]  # a person opened it for the agent, and the first commit is the agent's work
        by_people = [commit for commit in others if is_person(*commit.who)]
        remarks = _reviewer_remarks(pull, words, agent)
        change_requests, force_pushes = _change_requests(pull, remarks, agent), _force_pushes(pull, agent)
        texts = [*(commit.message for commit in commits), pull.facts.body]
        versions = [version for text in texts if (version := identity.version(text))]
        return cls(
            pull=pull,
            agent=agent,
            recognised_by=sign,
            version=versions[-1] if versions else None,
            own_commits=tuple(own_commits),
            by_people=tuple(by_people),
            by_bots=tuple(commit for commit in others if not is_person(*commit.who)),
            change_requests=tuple(change_requests),
            force_pushes=tuple(force_pushes),
            agent_replied=_has_replied(pull, remarks, by_agent),
            submitted_sha=_submitted_sha(pull, own_commits, by_people, change_requests, force_pushes),
            reversal=find_reversal(pull) if pull.facts.merged else None,
        )


def _recognise(
    pull: PullDetails, own_commits: list[PullCommit], identity: AgentIdentity
) -> tuple[str, RecognitionSign] | None:
    """Recognise the agent by the pull request itself, or else by its first commit."""
    facts = pull.facts
    recognised = identity.recognise_pull(facts.opened_by, pull.labels, facts.body, may_push=facts.by_insider)
    for signature in own_commits[0].signatures if own_commits else ():
        recognised = recognised or identity.recognise(*signature, may_push=facts.by_insider)
    return recognised


def _is_agents(commit: PullCommit, pull: PullDetails, identity: AgentIdentity, sign: RecognitionSign) -> bool:
    if any(identity.recognise(*signature) for signature in commit.signatures):
        return True
    return sign in ("author", "label") and commit.who[0].casefold() == pull.facts.opened_by.casefold()


def _is_reviewer(name: str, pull: PullDetails, agent: str) -> bool:
    """Whether this is neither a bot nor the agent nor who opened the pull request."""
    return not is_bot(name) and name.casefold() not in (pull.facts.opened_by.casefold(), agent.casefold())


def _reviewer_remarks(pull: PullDetails, words: tuple[Comment, ...], agent: str) -> list[Comment]:
    return [word for word in words if word.write_access and _is_reviewer(word.author, pull, agent)]


def _change_requests(pull: PullDetails, remarks: list[Comment], agent: str) -> list[Review]:
    # A reviewer with push access may have written nothing.
    reviewers = {review.who for review in pull.reviews if review.can_push and _is_reviewer(review.who, pull, agent)}
    reviewers |= {remark.author for remark in remarks}
    requests = [r for r in pull.reviews if r.state == "CHANGES_REQUESTED" and r.who in reviewers]
    return [request for request in requests if pull.facts.was_open(request.when)]


def _force_pushes(pull: PullDetails, agent: str) -> list[ForcePush]:
    return [
        ForcePush(event.created_at, event.who, event.before.oid)
        for event in pull.events
        if event.typename == "HeadRefForcePushedEvent"
        and event.created_at
        and event.before
        and _is_reviewer(event.who, pull, agent)
        and pull.facts.was_open(event.created_at)
    ]


def _has_replied(pull: PullDetails, remarks: list[Comment], by_agent: list[PullCommit]) -> bool:
    """Whether the agent pushed after the first comment on its lines and before the end."""
    on_lines = [remark.when for remark in remarks if remark.place and remark.when]
    pushed = [commit.when for commit in by_agent if commit.when and pull.facts.was_open(commit.when)]
    return bool(on_lines and pushed) and min(on_lines) < max(pushed)


def _submitted_sha(
    pull: PullDetails,
    own_commits: list[PullCommit],
    by_people: list[PullCommit],
    change_requests: list[Review],
    force_pushes: list[ForcePush],
) -> str | None:
    """Return the earliest commit that somebody reviewed, built on or replaced; the head if nobody did."""
    answered = [(review.when, review.commit.oid) for review in change_requests if review.commit]
    answered += [(push.when, push.replaced_sha) for push in force_pushes]
    if by_people and by_people[0].when:
        position = own_commits.index(by_people[0])
        if position:
            answered.append((by_people[0].when, own_commits[position - 1].oid))
    return min(answered)[1] if answered else pull.facts.head_oid
