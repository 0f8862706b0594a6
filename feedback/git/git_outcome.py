"""From what was found about a pull request to its record. No git here."""

from __future__ import annotations

from datetime import UTC, datetime

from feedback.causes import assign_cause
from feedback.git.comparison import CaseFinding
from feedback.git.git_evidence import case_evidence, commit_evidence
from feedback.identity import AgentIdentity
from feedback.messages import pull_title_of, strip_number
from feedback.outcome import Cause, Diff, Outcome, OutcomeKind


def outcome_of_case(finding: CaseFinding, repository: str, pulls_url: str | None, identity: AgentIdentity) -> Outcome:
    """The record. `pulls_url` is where pull requests are found on the web, without their number."""
    case = finding.case
    pull = case.pull
    landing = finding.way.landing if finding.way and finding.way.own else None
    kind = _outcome_kind(finding)
    title = pull_title_of(landing.commit) if landing else None
    revision = Diff() if landing and finding.same.get(pull.submitted.sha) else finding.revision
    if kind is OutcomeKind.UNKNOWN or (kind is OutcomeKind.MERGED and revision is finding.revision):
        revision = None  # what main got besides is not a change to the submission
    closed = landing.commit if landing else case.closing[0] if case.closing else None
    outcome = Outcome(
        repository=repository,
        number=pull.number,
        title=title or strip_number(pull.first.subject),
        url=f"{pulls_url}/{pull.number}" if pulls_url else None,
        kind=kind,
        submitted_at=_utc_time(pull.submitted.time),
        closed_at=_utc_time(closed.time) if closed else None,
        agent=pull.agent,
        recognised_by=pull.recognised_by,
        version=pull.version or (identity.version(landing.commit.message) if landing else None),
        base_sha=pull.base.sha if pull.base and not pull.straight else None,
        first_sha=None if pull.cut_off else pull.first.sha,
        submitted_sha=pull.submitted.sha,
        head_sha=pull.head.sha,
        merged_sha=landing.commit.sha if landing else None,
        same_as_first=finding.same.get(pull.first.sha),
        same_as_head=finding.same.get(pull.head.sha),
        submitted_diff=finding.submitted,
        merged_diff=finding.merged,
        revision=revision,
        evidence=tuple(case_evidence(case, finding.way, finding.undoing)),
    )
    outcome = outcome.model_copy(update={"unknown_fields": _unknown_fields_of(outcome, finding, title)})
    return _add_cause(outcome, finding)


def _outcome_kind(finding: CaseFinding) -> OutcomeKind:
    case, way = finding.case, finding.way
    pull = case.pull
    if way is None or not way.own:
        if case.closing or way:
            return OutcomeKind.REJECTED
        if case.elsewhere:
            return OutcomeKind.UNKNOWN
        return OutcomeKind.OPEN if case.young else OutcomeKind.REJECTED
    if finding.undoing:
        return OutcomeKind.REVERTED
    # Main got what the agent had submitted, or that with what bots added to it. Commits that landed apart can only be
    # compared all together.
    states = [pull.submitted, pull.before_people] if not way.landing.parts or pull.by_people else [pull.head]
    answers = [finding.same.get(state.sha) for state in states]
    if True in answers or (way.landing.carrier and not pull.by_people):
        return OutcomeKind.MERGED
    if None not in answers:
        return OutcomeKind.UNKNOWN if finding.rewritten else OutcomeKind.REVISED
    # The clone lacks contents. Where main holds the agent's own head, none are needed.
    return OutcomeKind.MERGED if way.landing.whole_head and not pull.by_people else OutcomeKind.UNKNOWN


def _unknown_fields_of(outcome: Outcome, finding: CaseFinding, title: str | None) -> tuple[str, ...]:
    """What git cannot know about any pull request, and what it does not know about this one."""
    unknown = {"opened_at", "author", "words"}
    wanted = ["url", "base_sha", "submitted_diff"]
    if outcome.merged_sha:
        wanted += ["merged_diff", "revision", "same_as_head", "same_as_first"]
    else:
        wanted += [] if outcome.kind is OutcomeKind.OPEN else ["closed_at"]
    if outcome.kind is OutcomeKind.UNKNOWN or not (outcome.merged_sha or finding.case.closing):
        unknown.add("kind")
    if not title:
        unknown.add("title")
    if finding.case.pull.straight or finding.case.pull.cut_off:
        unknown.add("first_sha")
    return tuple(sorted(unknown | {name for name in wanted if getattr(outcome, name) is None}))


def _add_cause(outcome: Outcome, finding: CaseFinding) -> Outcome:
    """One cause git shows by itself: the same work came in some other way."""
    case, way = finding.case, finding.way
    if outcome.kind is OutcomeKind.REJECTED:
        commit = way.landing.commit if way else case.overtaken_by or case.successor
        if commit:
            return outcome.with_cause(Cause.SUPERSEDED, "rule", (commit_evidence("superseded", commit),))
    return assign_cause(outcome)


def _utc_time(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
