"""Later pull requests that were merged and take this one back.

A commit that names a pull request proves nothing, since anybody can push one to a fork; plain git sees those of main.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from feedback.github.pulls import PullDetails
from feedback.messages import RevertClaim, parse_revert_claim, strip_number


@dataclass(frozen=True, slots=True)
class Reversal:
    text: str
    place: str
    when: datetime | None


def revert_claim_of(title: str, body: str) -> RevertClaim | None:
    """What a pull request says it takes back; the rules are those for commits."""
    return parse_revert_claim(f"{title}\n\n{body}")


def find_reversal(pull: PullDetails) -> Reversal | None:
    """What took the pull request back, unless that was taken back itself."""
    standing: Reversal | None = None
    for when, place, title, body in sorted(_later_pulls(pull), key=lambda item: item[0]):
        said = revert_claim_of(title, body)
        if said is None:
            continue
        mine = strip_number(pull.facts.title)
        if said.subject is not None and strip_number(said.subject) != mine and mine in said.subject:
            standing = None  # it reverts the revert
        elif title.startswith("Reapply ") and mine in title:
            standing = None
        elif said.is_plain_revert and _names_pull(said, pull):
            standing = Reversal(f"{title}\n\n{body}", place, when)
    return standing


def _names_pull(said: RevertClaim, pull: PullDetails) -> bool:
    facts = pull.facts
    if said.subject is not None and strip_number(said.subject) == strip_number(facts.title):
        return True
    merged = facts.merge_commit.oid if facts.merge_commit else ""
    return facts.number in said.numbers or any(merged.startswith(sha) for sha in said.shas)


def _later_pulls(pull: PullDetails) -> Iterator[tuple[datetime, str, str, str]]:
    """When, place, title and body of what refers to the pull request and came into the same branch after it."""
    facts = pull.facts
    never = datetime.max.replace(tzinfo=UTC)
    for event in pull.events:
        other = event.source
        if event.typename != "CrossReferencedEvent" or event.elsewhere or not other or not other.number:
            continue
        if (
            other.merged
            and other.merged_at
            and other.base == facts.base
            and other.merged_at > (facts.merged_at or never)
        ):
            yield other.merged_at, f"#{other.number}", other.title, other.body
