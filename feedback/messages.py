"""What commit messages say about pull requests: this one is number N, it closes N, it reverts X."""

from __future__ import annotations

import re
from dataclasses import dataclass

from feedback.git.clone import Commit

# Subjects under which forges and merge bots put a pull request on main, each with its number.
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


def pull_number_of(commit: Commit, gitlab: bool = False) -> int | None:
    """The pull request that this commit of main says it is."""
    if gitlab:
        found = _GITLAB_LANDING.search(commit.message)
        return int(found[1]) if found else None
    for pattern in _LANDING_SUBJECTS:
        if found := pattern.search(commit.subject):
            return int(found[1][:9])
    return None


def closed_numbers_in(message: str) -> set[int]:
    """Pull requests or issues that a message closes, or names as its own address (`PR-URL:`)."""
    return {int(number[:9]) for number in _CLOSES.findall(message)}


def superseded_numbers_in(message: str) -> set[int]:
    """Pull requests that a message says it takes the place of."""
    return {int(number[:9]) for number in _SUPERSEDES.findall(_SUPERSEDED_BY.sub("", message))}


def pull_title_of(commit: Commit) -> str | None:
    """The pull request's title, from the commit that brought it in: GitHub keeps it below a merge's subject."""
    if any(pattern.search(commit.subject) for pattern in _LANDING_SUBJECTS[:3]):
        body = [line.strip() for line in commit.message.split("\n")[1:] if line.strip()]
        return body[0] if body else None
    return None if commit.subject.startswith("Merge ") else strip_number(commit.subject)


def strip_number(subject: str) -> str:
    return _TRAILING_NUMBER.sub("", subject).strip()


@dataclass(frozen=True, slots=True)
class RevertClaim:
    """What a commit says it takes back."""

    shas: tuple[str, ...]
    subject: str | None
    numbers: tuple[int, ...]
    plain: bool
    """Whether taking back is all that it says it does; otherwise the mention may come from a squashed-in message."""


def parse_revert_claim(commit: Commit) -> RevertClaim | None:
    """None when the commit does not speak of taking anything back."""
    message = commit.message
    quoted = _REVERTED_SUBJECT.match(commit.subject)
    shas = [sha.lower() for run in _REVERTED_SHAS.findall(message) for sha in _SHA.findall(run)]
    numbers = [int(number[:9]) for number in _REVERTED_NUMBER.findall(message)]
    plain = bool(_REVERTING_SUBJECT.match(commit.subject)) or commit.subject.startswith("Reapply ")
    if not (quoted or shas or numbers or plain):
        return None
    return RevertClaim(tuple(shas), quoted[1] if quoted else None, tuple(numbers), plain)
