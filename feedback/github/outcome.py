"""From a pull request on GitHub to its record: what was submitted, what became of it, and why. No network here."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from feedback.github.pull import Pull
from feedback.github.reverting import Undoing, undoing
from feedback.github.wire import Commit, Review
from feedback.identity import AgentIdentity, is_person
from feedback.records import Comment, Diff, Evidence, Kind, Outcome, RecognisedBy
from feedback.words import is_bot

_MOST_EVIDENCE = 20


@dataclass(frozen=True, slots=True)
class Story:
    """What happened to a pull request, told in order."""

    pull: Pull
    agent: str
    recognised_by: RecognisedBy
    version: str | None
    work: tuple[Commit, ...]
    """Its commits without merges."""
    by_people: tuple[Commit, ...]
    by_bots: tuple[Commit, ...]
    asked: tuple[Review, ...]
    """Reviews by people with write access that asked for changes before the end."""
    forced: tuple[tuple[datetime, str, str], ...]
    """Force pushes by people before the end: when, by whom, and what stood there before."""
    answered: bool
    """Whether the agent pushed again after a reviewer's words on its lines."""
    submitted: str | None
    """The commit that the first reviewer saw, or that the first person worked on; the head if nobody did."""
    undoing: Undoing | None


def tell(pull: Pull, words: tuple[Comment, ...], identity: AgentIdentity) -> Story | None:
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

    def is_agents(commit: Commit) -> bool:
        name, mail = commit.who
        return (
            identity.recognise(name, mail, commit.message) is not None
            or (bool(commit.author and commit.author.name) and identity.recognise(
                str(commit.author and commit.author.name), mail, commit.message) is not None)
            or (how in ("author", "label") and name.casefold() == opened.casefold())
        )  # fmt: skip

    others = [commit for commit in work if not is_agents(commit)]
    if how in ("trailer", "co-author", "label") and work and not any(is_agents(c) for c in work):
        others = others[1:]  # a person opened it for the agent, and the first commit is what it is about
    by_people = [c for c in others if is_person(*c.who)]
    reviewers = {word.author for word in _by_reviewers(words, opened, agent)}
    asked = [
        review
        for review in pull.reviews
        if review.state == "CHANGES_REQUESTED" and review.who in reviewers | _wordless(pull, opened, agent)
        and (end is None or review.when <= end)
    ]  # fmt: skip
    forced = [
        (e.created_at, e.who, e.before.oid)
        for e in pull.events
        if e.typename == "HeadRefForcePushedEvent" and e.created_at and e.before
        and not is_bot(e.who) and e.who.casefold() not in (opened.casefold(), agent.casefold())
        and (end is None or e.created_at <= end)
    ]  # fmt: skip
    on_lines = [w.when for w in _by_reviewers(words, opened, agent) if w.place and w.when]
    answered = bool(on_lines) and any(
        c.when and min(on_lines) < c.when and (end is None or c.when <= end) for c in work if is_agents(c)
    )
    versions = [v for text in (*(c.message for c in commits), pull.facts.body) if (v := identity.version(text))]
    return Story(
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
        submitted=_submitted(pull, work, by_people, asked, forced),
        undoing=undoing(pull) if pull.facts.merged else None,
    )


def _by_reviewers(words: tuple[Comment, ...], opened: str, agent: str) -> Iterator[Comment]:
    own = {opened.casefold(), agent.casefold()}
    yield from (w for w in words if w.write_access and not is_bot(w.author) and w.author.casefold() not in own)


def _wordless(pull: Pull, opened: str, agent: str) -> set[str]:
    """Who may push and reviewed without a word."""
    own = {opened.casefold(), agent.casefold()}
    return {r.who for r in pull.reviews if r.can_push and not is_bot(r.who) and r.who.casefold() not in own}


def _submitted(
    pull: Pull,
    work: list[Commit],
    by_people: list[Commit],
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


def outcome_of(story: Story, repository: str, main: str | None, words: tuple[Comment, ...]) -> Outcome:
    """The record, without diffs: those are asked for when they are wanted."""
    pull, facts = story.pull, story.pull.facts
    kind = _kind(story, main)
    opened = facts.author.name if facts.author else "ghost"
    by_sha = {c.oid: c for c in story.work}
    submitted = by_sha.get(story.submitted or "")
    alone = len(pull.commits) == 1 and not any(e.typename == "HeadRefForcePushedEvent" for e in pull.events)
    merged = facts.merged and kind is not Kind.UNKNOWN
    outcome = Outcome(
        repository=repository,
        number=facts.number,
        title=facts.title,
        url=facts.url,
        kind=kind,
        opened_at=facts.created_at,
        submitted_at=submitted.when if submitted else None,
        closed_at=facts.merged_at or facts.closed_at,
        agent=story.agent,
        recognised_by=story.recognised_by,
        author=opened,
        version=story.version,
        first_sha=None if not story.work or story.forced else story.work[0].oid,
        submitted_sha=story.submitted,
        head_sha=facts.head_oid,
        merged_sha=facts.merge_commit.oid if merged and facts.merge_commit else None,
        same_as_first=True if merged and alone else None,
        same_as_head=True if merged else None,  # the forge merges the head itself
        revision=Diff() if merged and story.submitted == facts.head_oid else None,
        words=words,
        evidence=tuple(_evidence(story, words)),
    )
    return outcome.model_copy(update={"unknown_fields": unknown_fields(outcome, story)})


def unknown_fields(outcome: Outcome, story: Story) -> tuple[str, ...]:
    """What GitHub's API does not tell about this one."""
    wanted = ["base_sha", "first_sha", "submitted_sha", "submitted_at", "head_sha", "submitted_diff", "version"]
    if outcome.kind in (Kind.MERGED, Kind.REVISED, Kind.REVERTED):
        wanted += ["merged_sha", "merged_diff", "revision", "same_as_first", "same_as_head"]
    if outcome.kind is not Kind.OPEN:
        wanted.append("closed_at")
    missing = {name for name in wanted if getattr(outcome, name) is None} - {"version"}
    if outcome.kind is Kind.UNKNOWN:
        missing.add("kind")
    if not story.pull.whole:
        missing.add("words")
    return tuple(sorted(missing))


def _kind(story: Story, main: str | None) -> Kind:
    facts = story.pull.facts
    if facts.state == "OPEN" and not facts.merged:
        return Kind.OPEN
    if facts.state == "CLOSED" and not facts.merged:
        return Kind.REJECTED
    if facts.state != "MERGED" or not facts.merged or (main and facts.base and facts.base != main):
        return Kind.UNKNOWN  # it contradicts itself, or went into another branch
    if story.undoing:
        return Kind.REVERTED
    if story.by_people or story.asked or story.forced or story.answered:
        return Kind.REVISED
    return Kind.MERGED


def _evidence(story: Story, words: tuple[Comment, ...]) -> Iterator[Evidence]:
    pull = story.pull

    def note(kind: str, text: str, who: str | None, when: datetime | None, place: str | None = None) -> Evidence:
        return Evidence(kind=kind, text=text, author=who, when=when, place=place, source="github")

    for event in pull.events:
        if event.typename == "MergedEvent":
            yield note("merged", "merged", event.who, event.created_at)
        elif event.typename == "ClosedEvent" and not pull.facts.merged:
            yield note("closed", _closing_words(event.who, event.created_at, words), event.who, event.created_at)
        elif event.typename == "MarkedAsDuplicateEvent" and event.canonical and event.canonical.number:
            yield note("duplicate", f"marked as a duplicate of #{event.canonical.number}", event.who, event.created_at)
    for review in story.asked[:_MOST_EVIDENCE]:
        text = "asked for changes"
        yield note("changes-requested", text, review.who, review.when, review.commit.oid if review.commit else None)
    for when, who, before in story.forced[:_MOST_EVIDENCE]:
        yield note("force-push", "replaced what was there by a force push", who, when, before)
    for kind, commits in (("person-commit", story.by_people), ("bot-commit", story.by_bots)):
        for commit in commits[:_MOST_EVIDENCE]:
            yield note(kind, commit.message, "{} <{}>".format(*commit.who), commit.when, commit.oid)
    for issue in pull.issues:
        reason = f" as {issue.reason.lower().replace('_', ' ')}" if issue.reason else ""
        yield note("issue", f"{issue.title} ({issue.state.lower()}{reason})", None, None, f"#{issue.number}")
    if pull.labels:
        yield note("labels", ", ".join(pull.labels), None, None)
    if story.work:
        checks = story.work[-1].checks
        yield note("checks", checks.state.lower() if checks else "never ran", None, None, story.work[-1].oid)
    if story.undoing:
        yield note("revert", story.undoing.text, None, story.undoing.when, story.undoing.place)


def _closing_words(who: str, when: datetime | None, words: tuple[Comment, ...]) -> str:
    """What whoever closed it said as they did so: their last words within ten minutes before, or one after."""
    if when:
        for word in reversed(words):
            if word.author == who and word.when and -600 <= (word.when - when).total_seconds() <= 60:
                return f"closed with the words: {word.text}"
    return "closed without a word"
