"""Assigns the causes that GitHub shows without words.

They show in duplicate marks, links, labels, and in that nobody looked.
"""

from __future__ import annotations

from feedback.causes import assign_cause
from feedback.github.github_outcome import NEVER_RAN
from feedback.github.pulls import PullDetails
from feedback.messages import superseded_numbers_in
from feedback.outcome import Cause, Outcome, OutcomeEvidence, OutcomeKind, is_bot

_LABEL_CAUSES = {
    "stale": Cause.ABANDONED,
    "abandoned": Cause.ABANDONED,
    "duplicate": Cause.DUPLICATE_TICKET,
    "superseded": Cause.SUPERSEDED,
}


def assign_github_cause(outcome: Outcome, pull: PullDetails) -> Outcome:
    """Return the outcome with the cause that the data states.

    What people did and wrote comes before what can only be inferred.
    """
    if outcome.kind is not OutcomeKind.REJECTED:
        return assign_cause(outcome)
    return (
        _assign_by_fact(outcome, pull)
        or _keep_known_cause(assign_cause(outcome))
        or _assign_by_circumstance(outcome, pull)
        or outcome
    )


def _keep_known_cause(outcome: Outcome) -> Outcome | None:
    return None if outcome.cause is Cause.UNKNOWN else outcome


def _assign_by_fact(outcome: Outcome, pull: PullDetails) -> Outcome | None:
    """Somebody marked it as a duplicate, or a merged pull request says that it supersedes this one."""
    for item in outcome.evidence:
        if item.kind == "duplicate":
            return outcome.with_cause(Cause.DUPLICATE_TICKET, "rule", (item,))
    for event in pull.events:
        other = event.source
        if not other or not other.merged or not other.number or event.is_cross_repository:
            continue
        text = f"{other.title}\n\n{other.body}"
        if outcome.number in superseded_numbers_in(text):
            place = f"#{other.number}"
            found = OutcomeEvidence(kind="superseded", text=text, place=place, when=other.merged_at, source="github")
            return outcome.with_cause(Cause.SUPERSEDED, "rule", (found,))
    return None


def _assign_by_circumstance(outcome: Outcome, pull: PullDetails) -> Outcome | None:
    evidence = {item.kind: item for item in outcome.evidence}
    for label in pull.labels:
        if cause := _LABEL_CAUSES.get(label.strip().casefold()):
            return outcome.with_cause(cause, "rule", (evidence["labels"],))
    for issue, item in zip(pull.issues, (e for e in outcome.evidence if e.kind == "issue"), strict=True):
        if issue.reason == "NOT_PLANNED":
            return outcome.with_cause(Cause.PLANS_CHANGED, "rule", (item,))
        if issue.reason == "DUPLICATE":
            return outcome.with_cause(Cause.DUPLICATE_TICKET, "rule", (item,))
    people = [w for w in outcome.words if not is_bot(w.author) and w.author.casefold() != outcome.agent.casefold()]
    checks = evidence.get("checks")
    if checks and checks.text == NEVER_RAN and not people and "words" not in outcome.unknown_fields:
        return outcome.with_cause(Cause.ABANDONED, "rule", (checks,))  # no check ran and nobody wrote a word
    return None
