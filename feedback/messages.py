"""What commit messages say: this is number N, it closes N, it reverts X."""

from __future__ import annotations

import re
from dataclasses import dataclass

# Subjects under which forges and merge bots land a pull request, each with its number.
_LANDING_SUBJECTS = (
    re.compile(r"^Merge(?:d)? (?:pull request|PR|pr) #(\d+)\b"),  # GitHub; many merge scripts
    re.compile(r"^(?:Auto merge of|Merge|Rollup merge of) #(\d+)\b"),  # homu, bors
    re.compile(r"^Merged PR (\d+):"),  # Azure DevOps
    re.compile(r"\((?:pull request )?#(\d+)\)\s*$"),  # GitHub's squash, Gitea, Bitbucket
)
_GITLAB_LANDING = re.compile(r"^See merge request \S*!(\d+)\s*$", re.MULTILINE)
_NUMBER = r"(?:[\w.-]+/[\w.-]+)?(?:#|!|https?://\S+/(?:pull|merge_requests|pulls)/)(\d+)\b"
_CLOSES = re.compile(
    r"\b(?:clos(?:e|es|ed|ing)|fix(?:es|ed)?|resolv(?:e|es|ed)|lands?|PR-URL|Pull[- ]Request(?: resolved)?)\b:?\s+"
    + _NUMBER,
    re.IGNORECASE,
)
_SUPERSEDES = re.compile(rf"\b(?:supersed(?:e|es|ed|ing)|replac(?:e|es|ing)|in favou?r of)\b:?\s+{_NUMBER}", re.I)
_SUPERSEDED_BY = re.compile(rf"\b(?:superseded by|replaced by|in favou?r of)\b:?\s+{_NUMBER}", re.IGNORECASE)

_REVERTED_SHAS = re.compile(
    r"\bThis reverts (?:commits?|merge(?: commit)?|changeset)\s+((?:[0-9a-f]{7,64}\b[,;\s]*(?:and\s+)?)+)", re.I
)
_SHA = re.compile(r"\b[0-9a-f]{7,64}\b", re.IGNORECASE)
_REVERTED_SUBJECT = re.compile(r'^Revert "(.+)"(?:\s*\(#\d+\))?\s*$')
_REVERTED_NUMBER = re.compile(rf"\bReverts\b:?\s+{_NUMBER}", re.IGNORECASE)
_REVERTING_SUBJECT = re.compile(
    r"^\W*(?:\w+(?:\(.*?\))?!?:\s*)?(?:revert|back(?:ed|ing)?[ -]?out|undo|roll(?:ed)?[ -]?back)", re.I
)
_TRAILING_NUMBER = re.compile(r"(?:\s*\((?:pull request )?#\d+\))+\s*$")


def subject_of(message: str) -> str:
    """Return the first line of a commit message."""
    return message.split("\n", 1)[0].strip()


def pull_number_of(message: str, gitlab: bool = False) -> int | None:
    """Return the number of the pull request that a commit with this message landed."""
    if gitlab:
        found = _GITLAB_LANDING.search(message)
        return int(found[1]) if found else None
    subject = subject_of(message)
    for pattern in _LANDING_SUBJECTS:
        if found := pattern.search(subject):
            return int(found[1][:9])
    return None


def closed_numbers_in(message: str) -> set[int]:
    """Return the numbers that a message closes, or gives as its own (`PR-URL:`)."""
    return {int(number[:9]) for number in _CLOSES.findall(message)}


def superseded_numbers_in(message: str) -> set[int]:
    """Return the pull requests that a message says it supersedes."""
    return {int(number[:9]) for number in _SUPERSEDES.findall(_SUPERSEDED_BY.sub("", message))}


def pull_title_of(message: str) -> str | None:
    """Return the pull request's title from the commit that landed it.

    A merge commit on GitHub has it below the subject, a squash commit in the subject.
    """
    subject = subject_of(message)
    if any(pattern.search(subject) for pattern in _LANDING_SUBJECTS[:3]):
        body = [line.strip() for line in message.split("\n")[1:] if line.strip()]
        return body[0] if body else None
    return None if subject.startswith("Merge ") else strip_number(subject)


def strip_number(subject: str) -> str:
    """Return a subject without the `(#7)` that forges append to it."""
    return _TRAILING_NUMBER.sub("", subject).strip()


@dataclass(frozen=True, slots=True)
class RevertClaim:
    """What a commit says it reverts: commits by sha or subject, pull requests."""

    shas: tuple[str, ...]
    subject: str | None
    numbers: tuple[int, ...]
    is_plain_revert: bool
    """Whether reverting is all it claims to do; otherwise the mention may come from a squashed-in message."""


def parse_revert_claim(message: str) -> RevertClaim | None:
    """Return what a commit with this message claims to revert, if it does."""
    subject = subject_of(message)
    quoted = _REVERTED_SUBJECT.match(subject)
    shas = [sha.lower() for run in _REVERTED_SHAS.findall(message) for sha in _SHA.findall(run)]
    numbers = [int(number[:9]) for number in _REVERTED_NUMBER.findall(message)]
    plain = bool(_REVERTING_SUBJECT.match(subject)) or subject.startswith("Reapply ")
    if not (quoted or shas or numbers or plain):
        return None
    return RevertClaim(tuple(shas), quoted[1] if quoted else None, tuple(numbers), plain)
