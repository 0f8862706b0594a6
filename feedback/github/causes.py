"""Causes that GitHub's data states without words: marks, links, labels, and nobody having looked."""

from __future__ import annotations

from feedback.causes import assign_cause
from feedback.git_messages import superseded_numbers
from feedback.github.pull import Pull
from feedback.records import Cause, Evidence, Kind, Outcome
from feedback.words import is_bot

_LABELS = {
    "stale": Cause.ABANDONED,
    "abandoned": Cause.ABANDONED,
    "duplicate": Cause.DUPLICATE_TICKET,
    "superseded": Cause.SUPERSEDED,
}


def with_cause(outcome: Outcome, pull: Pull) -> Outcome:
    """The outcome with the cause that the data states; what people said comes before what can only be inferred."""
    if outcome.kind is not Kind.REJECTED:
        return assign_cause(outcome)
    return _by_fact(outcome, pull) or _if_known(assign_cause(outcome)) or _by_circumstance(outcome, pull) or outcome


def _if_known(outcome: Outcome) -> Outcome | None:
    return None if outcome.cause is Cause.UNKNOWN else outcome


def _by_fact(outcome: Outcome, pull: Pull) -> Outcome | None:
    """Somebody marked it as a duplicate, or another pull request was merged that says it takes its place."""
    for item in outcome.evidence:
        if item.kind == "duplicate":
            return outcome.with_cause(Cause.DUPLICATE_TICKET, "rule", (item,))
    for event in pull.events:
        other = event.source
        if not other or not other.merged or not other.number or event.elsewhere:
            continue
        text = f"{other.title}\n\n{other.body}"
        if outcome.number in superseded_numbers(text):
            place = f"#{other.number}"
            found = Evidence(kind="superseded", text=text, place=place, when=other.merged_at, source="github")
            return outcome.with_cause(Cause.SUPERSEDED, "rule", (found,))
    return None


def _by_circumstance(outcome: Outcome, pull: Pull) -> Outcome | None:
    evidence = {item.kind: item for item in outcome.evidence}
    for label in pull.labels:
        if cause := _LABELS.get(label.strip().casefold()):
            return outcome.with_cause(cause, "rule", (evidence["labels"],))
    for issue, item in zip(pull.issues, (e for e in outcome.evidence if e.kind == "issue"), strict=True):
        if issue.reason == "NOT_PLANNED":
            return outcome.with_cause(Cause.PLANS_CHANGED, "rule", (item,))
        if issue.reason == "DUPLICATE":
            return outcome.with_cause(Cause.DUPLICATE_TICKET, "rule", (item,))
    people = [w for w in outcome.words if not is_bot(w.author) and w.author.casefold() != outcome.agent.casefold()]
    checks = evidence.get("checks")
    if checks and checks.text == "never ran" and not people and "words" not in outcome.unknown_fields:
        return outcome.with_cause(Cause.ABANDONED, "rule", (checks,))  # no check ran, and nobody said a word
    return None
