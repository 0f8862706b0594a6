"""From a pull request on GitHub to its record: what was submitted, what became of it, and why. No network here."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from feedback.github.answers import PullCommit, Review
from feedback.github.pulls import PullDetails
from feedback.github.reversals import Reversal, find_reversal
from feedback.identity import AgentIdentity, is_person
from feedback.outcome import Comment, RecognitionSign, is_bot


@dataclass(frozen=True, slots=True)
class PullStory:
    """What happened to a pull request, told in order."""

    pull: PullDetails
    agent: str
    recognised_by: RecognitionSign
    version: str | None
    work: tuple[PullCommit, ...]
    """Its commits without merges."""
    by_people: tuple[PullCommit, ...]
    by_bots: tuple[PullCommit, ...]
    asked: tuple[Review, ...]
    """Reviews by people with write access that asked for changes before the end."""
    forced: tuple[tuple[datetime, str, str], ...]
    """Force pushes by people before the end: when, by whom, and what stood there before."""
    answered: bool
    """Whether the agent pushed again after a reviewer's words on its lines."""
    submitted: str | None
    """The commit that the first reviewer saw, or that the first person worked on; the head if nobody did."""
    undoing: Reversal | None


def story_of(pull: PullDetails, words: tuple[Comment, ...], identity: AgentIdentity) -> PullStory | None:
    """Return the story of the agent's pull request; None when it turns out not to be the agent's."""
    commits = [item.commit for item in pull.commits]
    work = [c for c in commits if c.parents.count < 2] or commits[-1:]
    known = _recognise_agent(pull, work, identity)
    if known is None:
        return None
    agent, how = known
    by_agent: list[PullCommit] = []
    others: list[PullCommit] = []
    for commit in work:
        (by_agent if _is_by_agent(commit, pull, identity, how) else others).append(commit)
    if how in ("trailer", "co-author", "label") and not by_agent:
        others = others[1:]  # a person opened it for the agent, and the first commit is what it is about
    by_people = [c for c in others if is_person(*c.who)]
    remarks = _reviewer_remarks(pull, words, agent)
    asked, forced = _change_requests(pull, remarks, agent), _force_pushes(pull, agent)
    versions = [v for text in (*(c.message for c in commits), pull.facts.body) if (v := identity.version(text))]
    return PullStory(
        pull=pull,
        agent=agent,
        recognised_by=how,
        version=versions[-1] if versions else None,
        work=tuple(work),
        by_people=tuple(by_people),
        by_bots=tuple(c for c in others if not is_person(*c.who)),
        asked=tuple(asked),
        forced=tuple(forced),
        answered=_answered_by_agent(pull, remarks, by_agent),
        submitted=_submitted_sha(pull, work, by_people, asked, forced),
        undoing=find_reversal(pull) if pull.facts.merged else None,
    )


def _recognise_agent(
    pull: PullDetails, work: list[PullCommit], identity: AgentIdentity
) -> tuple[str, RecognitionSign] | None:
    """The agent's name and how it was known: by the pull request itself, else by its first commit."""
    insider = pull.facts.by_insider
    known = identity.recognise_pull(pull.facts.opened_by, pull.labels, pull.facts.body, may_push=insider)
    for signature in work[0].signatures if work else ():
        known = known or identity.recognise(*signature, may_push=insider)
    return known


def _is_by_agent(commit: PullCommit, pull: PullDetails, identity: AgentIdentity, how: RecognitionSign) -> bool:
    if any(identity.recognise(*signature) for signature in commit.signatures):
        return True
    return how in ("author", "label") and commit.who[0].casefold() == pull.facts.opened_by.casefold()


def _reviewer_remarks(pull: PullDetails, words: tuple[Comment, ...], agent: str) -> list[Comment]:
    own = (pull.facts.opened_by.casefold(), agent.casefold())
    return [w for w in words if w.write_access and not is_bot(w.author) and w.author.casefold() not in own]


def _change_requests(pull: PullDetails, remarks: list[Comment], agent: str) -> list[Review]:
    """Reviews that asked for changes before the end, by people with write access."""
    own = (pull.facts.opened_by.casefold(), agent.casefold())
    # Whoever may push may also have reviewed without a word.
    reviewers = {r.who for r in pull.reviews if r.can_push and not is_bot(r.who) and r.who.casefold() not in own}
    reviewers |= {remark.author for remark in remarks}
    asked = [r for r in pull.reviews if r.state == "CHANGES_REQUESTED" and r.who in reviewers]
    return [r for r in asked if pull.facts.was_open(r.when)]


def _force_pushes(pull: PullDetails, agent: str) -> list[tuple[datetime, str, str]]:
    """Force pushes by people before the end: when, by whom, and what stood there before."""
    own = (pull.facts.opened_by.casefold(), agent.casefold())
    return [
        (event.created_at, event.who, event.before.oid)
        for event in pull.events
        if event.typename == "HeadRefForcePushedEvent"
        and event.created_at
        and event.before
        and not is_bot(event.who)
        and event.who.casefold() not in own
        and pull.facts.was_open(event.created_at)
    ]


def _answered_by_agent(pull: PullDetails, remarks: list[Comment], by_agent: list[PullCommit]) -> bool:
    """Whether the agent pushed after a reviewer's first remark on its lines and before the end."""
    on_lines = [remark.when for remark in remarks if remark.place and remark.when]
    pushed = [commit.when for commit in by_agent if commit.when and pull.facts.was_open(commit.when)]
    return bool(on_lines and pushed) and min(on_lines) < max(pushed)


def _submitted_sha(
    pull: PullDetails,
    work: list[PullCommit],
    by_people: list[PullCommit],
    asked: list[Review],
    forced: list[tuple[datetime, str, str]],
) -> str | None:
    """The earliest state that somebody answered: what a review looked at, what a person committed onto or replaced."""
    answered: list[tuple[datetime, str]] = [(r.when, r.commit.oid) for r in asked if r.commit]
    answered += [(when, before) for when, _, before in forced]
    if by_people and by_people[0].when:
        at = work.index(by_people[0])
        if at:
            answered.append((by_people[0].when, work[at - 1].oid))
    if answered:
        return min(answered)[1]
    return pull.facts.head_oid
