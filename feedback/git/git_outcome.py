"""Turns what was found about a pull request into its record. Runs no git."""

from __future__ import annotations

from datetime import UTC, datetime

from feedback.causes import assign_cause
from feedback.git.comparison import CaseFinding
from feedback.git.git_evidence import case_evidence, commit_evidence
from feedback.identity import AgentIdentity
from feedback.messages import pull_title_of, strip_number
from feedback.outcome import Cause, Diff, Outcome, OutcomeKind


def outcome_of_case(finding: CaseFinding, repository: str, pulls_url: str | None, identity: AgentIdentity) -> Outcome:
    """Return the record of a pull request.

    `pulls_url` is the web address of the repository's pull requests, without a number.
    """
    case = finding.case
    pull = case.pull
    landing = finding.landing
    kind = _outcome_kind(finding)
    title = pull_title_of(landing.commit.message) if landing else None
    revision = Diff() if landing and finding.is_same_by_sha.get(pull.submission.sha) else finding.revision
    if kind is OutcomeKind.UNKNOWN or (kind is OutcomeKind.MERGED and revision is finding.revision):
        revision = None  # what else main got is not a change to the submission
    closed = landing.commit if landing else case.closing_commits[0] if case.closing_commits else None
    outcome = Outcome(
        repository=repository,
        number=pull.number,
        title=title or strip_number(pull.first.subject),
        url=f"{pulls_url}/{pull.number}" if pulls_url else None,
        kind=kind,
        submitted_at=_utc_time(pull.submission.time),
        closed_at=_utc_time(closed.time) if closed else None,
        agent=pull.agent,
        recognised_by=pull.recognised_by,
        version=pull.version or (identity.version(landing.commit.message) if landing else None),
        base_sha=pull.base.sha if pull.base and not pull.is_straight else None,
        first_sha=None if pull.is_cut_off else pull.first.sha,
        submitted_sha=pull.submission.sha,
        head_sha=pull.head.sha,
        merged_sha=landing.commit.sha if landing else None,
        same_as_first=finding.is_same_by_sha.get(pull.first.sha),
        same_as_head=finding.is_same_by_sha.get(pull.head.sha),
        submitted_diff=finding.submitted_diff,
        merged_diff=finding.merged_diff,
        revision=revision,
        evidence=tuple(case_evidence(case, finding.landing_candidate, finding.revert)),
    )
    outcome = outcome.model_copy(update={"unknown_fields": _unknown_fields_of(outcome, finding, title)})
    return _add_cause(outcome, finding)


def _outcome_kind(finding: CaseFinding) -> OutcomeKind:
    case, candidate = finding.case, finding.landing_candidate
    pull = case.pull
    if candidate is None or not candidate.is_own_work:
        if case.closing_commits or candidate:
            return OutcomeKind.REJECTED
        if case.merge_outside_main:
            return OutcomeKind.UNKNOWN
        return OutcomeKind.OPEN if case.is_young else OutcomeKind.REJECTED
    if finding.revert:
        return OutcomeKind.REVERTED
    # It is merged if main got the submission, or that plus bots' commits. Commits that landed separately can only be
    # compared as a whole.
    states = [pull.submission, pull.before_people] if not candidate.landing.parts or pull.by_people else [pull.head]
    answers = [finding.is_same_by_sha.get(state.sha) for state in states]
    if True in answers or (candidate.landing.carrier_number and not pull.by_people):
        return OutcomeKind.MERGED
    if None not in answers:
        return OutcomeKind.UNKNOWN if finding.main_was_rewritten else OutcomeKind.REVISED
    # The clone lacks contents; if the agent's own head is in main, none are needed.
    return OutcomeKind.MERGED if candidate.landing.holds_head and not pull.by_people else OutcomeKind.UNKNOWN


def _unknown_fields_of(outcome: Outcome, finding: CaseFinding, title: str | None) -> tuple[str, ...]:
    """Return what git cannot know about any pull request, and what it does not know about this one."""
    unknown = {"opened_at", "author", "words"}
    expected = ["url", "base_sha", "submitted_diff"]
    if outcome.merged_sha:
        expected += ["merged_diff", "revision", "same_as_head", "same_as_first"]
    else:
        expected += [] if outcome.kind is OutcomeKind.OPEN else ["closed_at"]
    if outcome.kind is OutcomeKind.UNKNOWN or not (outcome.merged_sha or finding.case.closing_commits):
        unknown.add("kind")
    if not title:
        unknown.add("title")
    if finding.case.pull.is_straight or finding.case.pull.is_cut_off:
        unknown.add("first_sha")
    return tuple(sorted(unknown | {name for name in expected if getattr(outcome, name) is None}))


def _add_cause(outcome: Outcome, finding: CaseFinding) -> Outcome:
    """Assign the one cause that git itself shows: the same work came in some other way."""
    case, candidate = finding.case, finding.landing_candidate
    if outcome.kind is OutcomeKind.REJECTED:
        commit = candidate.landing.commit if candidate else case.overtaking_commit or case.successor
        if commit:
            return outcome.with_cause(Cause.SUPERSEDED, "rule", (commit_evidence("superseded", commit),))
    return assign_cause(outcome)


def _utc_time(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
