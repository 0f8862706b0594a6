"""Finds the merged pull request that reverted an earlier one.

Commits that mention a pull request prove nothing, since anybody can push one to a fork; plain git reads those on main.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from feedback.github.pulls import PullDetails
from feedback.messages import RevertClaim, parse_revert_claim, strip_number


@dataclass(frozen=True, slots=True)
class Reversal:
    """The pull request that reverted another."""

    text: str
    place: str
    """`#number`."""
    when: datetime | None


def revert_claim_of(title: str, body: str) -> RevertClaim | None:
    """Return what a pull request claims to revert, by the rules for commit messages."""
    return parse_revert_claim(f"{title}\n\n{body}")


def find_reversal(pull: PullDetails) -> Reversal | None:
    """Return what reverted the pull request, unless it was reverted in turn."""
    reversal: Reversal | None = None
    for when, place, title, body in sorted(_later_pulls(pull), key=lambda item: item[0]):
        claim = revert_claim_of(title, body)
        if claim is None:
            continue
        mine = strip_number(pull.facts.title)
        if claim.subject is not None and strip_number(claim.subject) != mine and mine in claim.subject:
            reversal = None  # it reverts the revert
        elif title.startswith("Reapply ") and mine in title:
            reversal = None
        elif claim.is_plain_revert and _names_pull(claim, pull):
            reversal = Reversal(f"{title}\n\n{body}", place, when)
    return reversal


def _names_pull(claim: RevertClaim, pull: PullDetails) -> bool:
    facts = pull.facts
    if claim.subject is not None and strip_number(claim.subject) == strip_number(facts.title):
        return True
    merged = facts.merge_commit.oid if facts.merge_commit else ""
    return facts.number in claim.numbers or any(merged.startswith(sha) for sha in claim.shas)


def _later_pulls(pull: PullDetails) -> Iterator[tuple[datetime, str, str, str]]:
    """Yield time, place, title and body of later pull requests into the same branch that mention this one."""
    facts = pull.facts
    never = datetime.max.replace(tzinfo=UTC)
    for event in pull.events:
        other = event.source
        if event.typename != "CrossReferencedEvent" or event.is_cross_repository or not other or not other.number:
            continue
        is_merged = other.merged and other.base == facts.base
        if is_merged and other.merged_at and other.merged_at > (facts.merged_at or never):
            yield other.merged_at, f"#{other.number}", other.title, other.body
