"""Turns the story of a pull request into its record. Asks GitHub nothing."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from feedback.github.pull_story import PullStory
from feedback.outcome import Comment, Diff, Outcome, OutcomeEvidence, OutcomeKind

_MAX_EVIDENCE = 20
"""Items of each kind that are kept."""
NEVER_RAN = "never ran"
"""What the evidence says if no check ran; stored, and read back by `github_causes`."""


def outcome_of_story(story: PullStory, repository: str, main: str | None, words: tuple[Comment, ...]) -> Outcome:
    """Return the record without diffs, which `diffs.add_diffs` can add."""
    pull, facts = story.pull, story.pull.facts
    kind = _outcome_kind(story, main)
    by_sha = {c.oid: c for c in story.own_commits}
    submitted = by_sha.get(story.submitted_sha or "")
    is_single = len(pull.commits) == 1 and not any(e.typename == "HeadRefForcePushedEvent" for e in pull.events)
    merged = facts.merged and kind is not OutcomeKind.UNKNOWN
    outcome = Outcome(
        repository=repository,
        number=facts.number,
        title=facts.title,
        url=facts.url,
        kind=kind,
        opened_at=facts.created_at,
        submitted_at=submitted.when if submitted else None,
        closed_at=facts.ended_at,
        agent=story.agent,
        recognised_by=story.recognised_by,
        author=facts.opened_by,
        version=story.version,
        first_sha=None if not story.own_commits or story.force_pushes else story.own_commits[0].oid,
        submitted_sha=story.submitted_sha,
        head_sha=facts.head_oid,
        merged_sha=facts.merge_commit.oid if merged and facts.merge_commit else None,
        same_as_first=True if merged and is_single else None,
        same_as_head=True if merged else None,  # the forge merges the head itself
        revision=Diff() if merged and story.submitted_sha == facts.head_oid else None,
        words=words,
        evidence=tuple(_story_evidence(story, words)),
    )
    return outcome.model_copy(update={"unknown_fields": unknown_fields_of(outcome, story)})


def unknown_fields_of(outcome: Outcome, story: PullStory) -> tuple[str, ...]:
    """Return the fields that GitHub's API does not give for this pull request."""
    expected = ["base_sha", "first_sha", "submitted_sha", "submitted_at", "head_sha", "submitted_diff", "version"]
    if outcome.kind in (OutcomeKind.MERGED, OutcomeKind.REVISED, OutcomeKind.REVERTED):
        expected += ["merged_sha", "merged_diff", "revision", "same_as_first", "same_as_head"]
    if outcome.kind is not OutcomeKind.OPEN:
        expected.append("closed_at")
    missing = {name for name in expected if getattr(outcome, name) is None} - {"version"}
    if outcome.kind is OutcomeKind.UNKNOWN:
        missing.add("kind")
    if not story.pull.is_complete:
        missing.add("words")
    return tuple(sorted(missing))


def _outcome_kind(story: PullStory, main: str | None) -> OutcomeKind:
    facts = story.pull.facts
    if facts.state == "OPEN" and not facts.merged:
        return OutcomeKind.OPEN
    if facts.state == "CLOSED" and not facts.merged:
        return OutcomeKind.REJECTED
    if facts.state != "MERGED" or not facts.merged or (main and facts.base and facts.base != main):
        return OutcomeKind.UNKNOWN  # the answer contradicts itself, or it was merged into another branch
    if story.reversal:
        return OutcomeKind.REVERTED
    if story.by_people or story.change_requests or story.force_pushes or story.agent_replied:
        return OutcomeKind.REVISED
    return OutcomeKind.MERGED


def _story_evidence(story: PullStory, words: tuple[Comment, ...]) -> Iterator[OutcomeEvidence]:
    pull = story.pull

    def note(kind: str, text: str, who: str | None, when: datetime | None, place: str | None = None) -> OutcomeEvidence:
        return OutcomeEvidence(kind=kind, text=text, author=who, when=when, place=place, source="github")

    for event in pull.events:
        if event.typename == "MergedEvent":
            yield note("merged", "merged", event.who, event.created_at)
        elif event.typename == "ClosedEvent" and not pull.facts.merged:
            yield note("closed", _closing_remark(event.who, event.created_at, words), event.who, event.created_at)
        elif event.typename == "MarkedAsDuplicateEvent" and event.canonical and event.canonical.number:
            yield note("duplicate", f"marked as a duplicate of #{event.canonical.number}", event.who, event.created_at)
    for review in story.change_requests[:_MAX_EVIDENCE]:
        text = "asked for changes"
        yield note("changes-requested", text, review.who, review.when, review.commit.oid if review.commit else None)
    for push in story.force_pushes[:_MAX_EVIDENCE]:
        yield note("force-push", "replaced what was there by a force push", push.author, push.when, push.replaced_sha)
    for kind, commits in (("person-commit", story.by_people), ("bot-commit", story.by_bots)):
        for commit in commits[:_MAX_EVIDENCE]:
            yield note(kind, commit.message, "{} <{}>".format(*commit.who), commit.when, commit.oid)
    for issue in pull.issues:
        reason = f" as {issue.reason.lower().replace('_', ' ')}" if issue.reason else ""
        yield note("issue", f"{issue.title} ({issue.state.lower()}{reason})", None, None, f"#{issue.number}")
    if pull.labels:
        yield note("labels", ", ".join(pull.labels), None, None)
    if story.own_commits:
        last = story.own_commits[-1]
        yield note("checks", last.checks.state.lower() if last.checks else NEVER_RAN, None, None, last.oid)
    if story.reversal:
        yield note("revert", story.reversal.text, None, story.reversal.when, story.reversal.place)


def _closing_remark(who: str, when: datetime | None, words: tuple[Comment, ...]) -> str:
    """Return the closer's last comment between ten minutes before the closing and one minute after it."""
    if when:
        for word in reversed(words):
            if word.author == who and word.when and -600 <= (word.when - when).total_seconds() <= 60:
                return f"closed with the words: {word.text}"
    return "closed without a word"
