"""Finds the change that was accepted instead of the agent's submission."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from feedback.outcome import Outcome, OutcomeKind
from meta.tickets.mining.briefs import brief_title_of
from meta.tickets.mining.changes import MainlineChange, count_lines_of, list_history, squash_changes
from meta.tickets.mining.commit_messages import decode_message
from meta.tickets.mining.file_changes import resolve_commit
from worker_agent.borrowed_objects import borrowed_objects
from worker_agent.git import BINARY_DIFF, META_IDENTITY, GitError, run_git, run_git_bytes

_INSTEAD = frozenset({"superseded", "absorbed", "closes", "successor"})
"""Kinds of evidence that point to the commit that replaced the pull request."""

_NUMBER = re.compile(
    r"\b(?:superseded|replaced|obsoleted|in favou?r|done|fixed|handled|landed|merged|addressed|solved|see|use|took)\b"
    r"[^.#\n]{0,40}(?:#|/pull/)(\d{1,9})\b",
    re.IGNORECASE,
)
_ISSUE = re.compile(r"\b(?:clos(?:e[sd]?|ing)|fix(?:e[sd]|ing)?|resolv(?:e[sd]?|ing))\b:?\s+(?:issue\s+)?#(\d+)", re.I)
_TRAILER = re.compile(r"^(?:ticket|issue|bug|story|task|jira)s?:[ \t]*(\S+)[ \t]*$", re.IGNORECASE | re.MULTILINE)
_MOST_STEPS = 20
"""The most commits that one pull request may have been rebased into."""


class NoTicket(Exception):
    """A pull request cannot become a ticket; the message tells a person why."""


def find_accepted_change(
    repository: Path, outcome: Outcome, all_outcomes: Iterable[Outcome], main: str
) -> MainlineChange:
    """Return the change of main that was accepted. Raises `NoTicket`."""
    if outcome.kind is OutcomeKind.REVISED:
        return _find_merge(repository, outcome)
    later = list(_find_later_changes(repository, outcome, main))
    if outcome.kind is OutcomeKind.REVERTED:
        undone = [place for place, change in enumerate(later) if _reverts(change, outcome)]
        later = later[: undone[-1]] if undone else later  # newest first
    found = next(_find_replacements(repository, outcome, list(all_outcomes), later), None)
    if found is None:
        raise NoTicket("nobody knows which change was accepted instead: no pull request or commit for the same issue")
    return replace(found, changed_lines=count_lines_of(repository, found.base_commit, found.fix_commit))


def _find_merge(repository: Path, outcome: Outcome) -> MainlineChange:
    if outcome.merged_sha is None:
        raise NoTicket("its source does not say which commit merged it")
    wanted = _find_paths(outcome.merged_diff.text if outcome.merged_diff else "")
    for steps in range(1, _MOST_STEPS + 1):
        change = squash_changes(repository, f"{outcome.merged_sha}~{steps}", outcome.merged_sha)
        if change is None:
            break
        if wanted <= {path for path, _ in change.changed_lines}:
            return change
    raise NoTicket(f"its merge {outcome.merged_sha[:10]} is not in {repository}; fetch it")


def _find_later_changes(repository: Path, outcome: Outcome, main: str) -> Iterator[MainlineChange]:
    """Yield main's changes since the pull request began, without its own merge."""
    since = outcome.base_sha if outcome.base_sha and _exists(repository, outcome.base_sha) else ""
    for change in list_history(repository, f"{since}..{main}" if since else main):
        if change.fix_commit != outcome.merged_sha:
            yield change


def _find_replacements(
    repository: Path, outcome: Outcome, others: list[Outcome], later: list[MainlineChange]
) -> Iterator[MainlineChange]:
    """Yield main's changes that did the same work, by evidence, words or title."""
    by_commit = {change.fix_commit: change for change in later}
    for evidence in (*outcome.cause_evidence, *outcome.evidence):
        if evidence.kind in _INSTEAD and evidence.place in by_commit:
            yield by_commit[evidence.place]
    for number in {int(n) for word in outcome.reviewer_words for n in _NUMBER.findall(word.text)} - {outcome.number}:
        merges = {o.merged_sha for o in others if (o.repository, o.number) == (outcome.repository, number)}
        yield from (c for c in later if c.pull == number or c.fix_commit in merges)
    if issues := _find_issues(_read_messages(repository, outcome)):
        yield from (change for change in later if issues & _find_issues(change.message))
    title = brief_title_of(outcome.title).casefold()
    yield from (
        c for c in later if title in {brief_title_of(line).casefold() for line in c.message.split("\n") if line}
    )


def _reverts(change: MainlineChange, outcome: Outcome) -> bool:
    said = any(e.kind == "revert" and e.place == change.fix_commit for e in outcome.evidence)
    names = [f"Reverts #{outcome.number}", f'Revert "{outcome.title}', f"reverts commit {outcome.merged_sha}"]
    return said or any(name.casefold() in change.message.casefold() for name in names)


def _find_issues(text: str) -> set[str]:
    return {f"#{number}" for number in _ISSUE.findall(text)} | set(_TRAILER.findall(text))


def _read_messages(repository: Path, outcome: Outcome) -> str:
    submitted = outcome.submitted_sha or outcome.head_sha
    if not submitted or not _exists(repository, submitted):
        return outcome.title
    span = f"{outcome.base_sha}..{submitted}" if outcome.base_sha else submitted
    try:
        form = ("--format=%B", "--encoding=UTF-8", "--no-notes", "--no-color", "--no-patch")
        return decode_message(
            run_git_bytes("log", "--no-merges", "--max-count=20", *form, "--end-of-options", span, "--", cwd=repository)
        )
    except GitError:
        return outcome.title


def find_submission(repository: Path, outcome: Outcome, base: str) -> str:
    """Return what the agent had submitted, as a diff against `base`.

    `base` is the parent of the accepted change. The submission is merged with it in a separate object store:
    nothing is written to the clone. Raises `NoTicket`.
    """
    submitted = outcome.submitted_sha or outcome.head_sha
    if not submitted or not _exists(repository, submitted):
        return _take_kept_diff(outcome)
    try:
        base, submitted = (resolve_commit(repository, name) for name in (base, submitted))
        fork = run_git("merge-base", base, submitted, cwd=repository).strip() if not outcome.base_sha else ""
        began = fork or resolve_commit(repository, outcome.base_sha or base)
        with borrowed_objects(repository) as store:
            # Two new commits, so that they fork where the pull request began, even if main merged and then
            # reverted it.
            sides = [
                run_git("commit-tree", "-p", began, "-m", "side", f"{side}^{{tree}}", cwd=store, env=META_IDENTITY)
                for side in (base, submitted)
            ]
            merged = run_git("merge-tree", "--write-tree", *(side.strip() for side in sides), cwd=store)
            diff = run_git(*BINARY_DIFF, base, merged.strip(), cwd=store)
    except GitError:
        raise NoTicket("what was submitted conflicts with what the accepted change stands on") from None
    if not diff.strip():
        raise NoTicket("what was submitted is in main already")
    return diff


def _take_kept_diff(outcome: Outcome) -> str:
    kept = outcome.submitted_diff
    if kept is None or not kept.text.strip():
        raise NoTicket("what was submitted is not known: neither its commit nor its diff")
    if kept.truncated:
        raise NoTicket("what was submitted is not in the clone, and its diff was too long to be kept whole")
    return kept.text


def _find_paths(diff: str) -> set[str]:
    return set(re.findall(r"^\+\+\+ b/(.+)$", diff, re.MULTILINE))


def _exists(repository: Path, commit: str) -> bool:
    try:
        resolve_commit(repository, commit)
    except GitError:
        return False
    return True


@dataclass(frozen=True)
class TicketSides:
    """The two sides of a ticket, as diffs against the same base.

    One is the change that was accepted, the other what was turned down.
    """

    change: MainlineChange
    rejected: str


def ticket_sides(repository: Path, outcome: Outcome, all_outcomes: Iterable[Outcome], main: str) -> TicketSides:
    """Return both sides of the ticket of one pull request. Raises `NoTicket`."""
    change = find_accepted_change(repository, outcome, all_outcomes, main)
    return TicketSides(change, find_submission(repository, outcome, change.base_commit))
