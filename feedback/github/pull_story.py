"""From a pull request on GitHub to its record: what was submitted, what became of it, and why. No network here."""

from __future__ import annotations

from collections.abc import Iterator
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
    """The story of the agent's pull request; None when it turns out not to be the agent's."""
    commits = [item.commit for item in pull.commits]
    work = [c for c in commits if c.parents.count < 2] or commits[-1:]
    opened = pull.facts.author.name if pull.facts.author else "ghost"
    insider = pull.facts.by_insider
    known = identity.recognise_pull(opened, pull.labels, pull.facts.body, may_push=insider)
    if known is None and work:
        first, name = work[0], (work[0].author.name or "") if work[0].author else ""
        known = identity.recognise(*first.who, first.message, may_push=insider) or identity.recognise(
            name, first.who[1], first.message, may_push=insider
        )
    if known is None:
        return None
    agent, how = known
    end = pull.facts.merged_at or pull.facts.closed_at

    def is_agents(commit: PullCommit) -> bool:
        name, mail = commit.who
        return (
            identity.recognise(name, mail, commit.message) is not None
            or (
                bool(commit.author and commit.author.name)
                and identity.recognise(str(commit.author and commit.author.name), mail, commit.message) is not None
            )
            or (how in ("author", "label") and name.casefold() == opened.casefold())
        )

    others = [commit for commit in work if not is_agents(commit)]
    if how in ("trailer", "co-author", "label") and work and not any(is_agents(c) for c in work):
        others = others[1:]  # a person opened it for the agent, and the first commit is what it is about
    by_people = [c for c in others if is_person(*c.who)]
    reviewers = {word.author for word in _reviewer_remarks(words, opened, agent)}
    asked = [
        review
        for review in pull.reviews
        if review.state == "CHANGES_REQUESTED"
        and review.who in reviewers | _wordless_reviewers(pull, opened, agent)
        and (end is None or review.when <= end)
    ]
    forced = [
        (e.created_at, e.who, e.before.oid)
        for e in pull.events
        if e.typename == "HeadRefForcePushedEvent"
        and e.created_at
        and e.before
        and not is_bot(e.who)
        and e.who.casefold() not in (opened.casefold(), agent.casefold())
        and (end is None or e.created_at <= end)
    ]
    on_lines = [w.when for w in _reviewer_remarks(words, opened, agent) if w.place and w.when]
    answered = bool(on_lines) and any(
        c.when and min(on_lines) < c.when and (end is None or c.when <= end) for c in work if is_agents(c)
    )
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
        answered=answered,
        submitted=_submitted_sha(pull, work, by_people, asked, forced),
        undoing=find_reversal(pull) if pull.facts.merged else None,
    )


def _reviewer_remarks(words: tuple[Comment, ...], opened: str, agent: str) -> Iterator[Comment]:
    own = {opened.casefold(), agent.casefold()}
    yield from (w for w in words if w.write_access and not is_bot(w.author) and w.author.casefold() not in own)


def _wordless_reviewers(pull: PullDetails, opened: str, agent: str) -> set[str]:
    """Who may push and reviewed without a word."""
    own = {opened.casefold(), agent.casefold()}
    return {r.who for r in pull.reviews if r.can_push and not is_bot(r.who) and r.who.casefold() not in own}


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
