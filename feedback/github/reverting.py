"""Later pull requests that were merged and take this one back.

A commit that names a pull request proves nothing, since anybody can push one to a fork; plain git sees those of main.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from feedback.git_clone import Commit
from feedback.git_messages import Reversion, reversion, without_number
from feedback.github.pull import Pull


@dataclass(frozen=True, slots=True)
class Undoing:
    text: str
    place: str
    when: datetime | None


def speaks_of_reverting(title: str, body: str) -> Reversion | None:
    """What a pull request says it takes back; the rules are those for commits."""
    return reversion(Commit("", (), "", "", "", 0, "", "", 0, f"{title}\n\n{body}"))


def undoing(pull: Pull) -> Undoing | None:
    """What took the pull request back, unless that was taken back itself."""
    standing: Undoing | None = None
    for when, place, title, body in sorted(_later(pull), key=lambda item: item[0]):
        said = speaks_of_reverting(title, body)
        if said is None:
            continue
        mine = without_number(pull.facts.title)
        if said.subject is not None and without_number(said.subject) != mine and mine in said.subject:
            standing = None  # it reverts the revert
        elif title.startswith("Reapply ") and mine in title:
            standing = None
        elif said.plain and _names(said, pull):
            standing = Undoing(f"{title}\n\n{body}", place, when)
    return standing


def _names(said: Reversion, pull: Pull) -> bool:
    facts = pull.facts
    if said.subject is not None and without_number(said.subject) == without_number(facts.title):
        return True
    merged = facts.merge_commit.oid if facts.merge_commit else ""
    return facts.number in said.numbers or any(merged.startswith(sha) for sha in said.shas)


def _later(pull: Pull) -> Iterator[tuple[datetime, str, str, str]]:
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
