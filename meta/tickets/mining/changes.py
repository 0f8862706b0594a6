"""Finds small changes in a repository's history that touch source and tests."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from meta.errors import MetaError
from meta.languages.python.test_files import is_protected, is_test_side
from worker_agent.git import GitError, run_git

MAX_SOURCE_FILES = 12
"""The most source files that one task may touch."""

MAX_SOURCE_LINES = 400
"""The most lines of source that one task may add and remove."""

_PULL = re.compile(r"\(#(\d+)\)\s*$|^Merge pull request #(\d+) ")
_NOT_SOURCE = re.compile(
    r"^(docs?|examples?|benchmarks?|bench|scripts?|tools|\.github)/|^(setup|noxfile|conftest)\.py$|/conf\.py$"
)
_CODE = (".py", ".pyx", ".pyi", ".c", ".cpp", ".h", ".rs")


@dataclass(frozen=True)
class MainlineChange:
    """One change on the main line: a commit, a squashed or a merged pull request."""

    base_commit: str
    fix_commit: str
    message: str
    pull: int | None
    """The pull request's number, if the message has it."""
    is_merge: bool
    """Whether it is a merge commit: its message is the pull request's, its commits' are elsewhere."""
    changed_lines: tuple[tuple[str, int], ...]
    """Path and number of changed lines of each file; binary files count 0."""

    @property
    def subject(self) -> str:
        """The first line of the message."""
        return self.message.partition("\n")[0].strip()

    @property
    def source(self) -> list[str]:
        """The changed files that are the project's code, without tests and tooling."""
        return [p for p, _ in self.changed_lines if is_source_file(p)]

    @property
    def tests(self) -> list[str]:
        """The changed Python files on the test side."""
        return [p for p, _ in self.changed_lines if is_test_side(p) and p.endswith(".py")]


def is_source_file(path: str) -> bool:
    """Say whether a changed file is code that a ticket could be about."""
    return (
        PurePosixPath(path).suffix in _CODE
        and not is_test_side(path)
        and not is_protected(path)
        and not _NOT_SOURCE.search(path)
    )


@dataclass(frozen=True)
class MainLine:
    """The part of a history to read: the first parents of a branch, since some day."""

    branch: str = "HEAD"
    since: str | None = None
    """Anything that `git log --since` takes."""


def find_minable_changes(repository: Path, main_line: MainLine = MainLine()) -> Iterator[MainlineChange]:
    """Yield small changes of the main line that touch source and tests, newest first.

    Raises `MetaError` when there is nothing to read.
    """
    for change in read_history(repository, main_line.branch, main_line.since):
        lines = sum(count for path, count in change.changed_lines if path in set(change.source))
        if change.tests and 0 < len(change.source) <= MAX_SOURCE_FILES and 0 < lines <= MAX_SOURCE_LINES:
            yield change


def read_history(repository: Path, span: str, since: str | None = None) -> Iterator[MainlineChange]:
    """Yield every change of a line of history, its first parents, newest first.

    Raises `MetaError` when there is none.
    """
    limit = [f"--since={since}"] if since else []
    try:
        text = run_git(
            "log",
            "--first-parent",
            "-m",
            "--no-renames",
            "--numstat",
            "-z",
            *limit,
            "--format=%x01%H%x02%P%x02%B%x02",
            "--end-of-options",
            span,
            "--",
            cwd=repository,
        )
    except (GitError, OSError) as error:
        raise MetaError(
            f"cannot read the history of {span} in {repository}: {error}", "name a git repository and a branch in it"
        ) from None
    for block in text.split("\x01")[1:]:
        commit, parents, message, numbers = block.split("\x02", 3)
        if not parents:
            continue
        found = _PULL.search(message.partition("\n")[0])
        yield MainlineChange(
            base_commit=parents.split()[0],
            fix_commit=commit,
            message=message.strip(),
            pull=int(found[1] or found[2]) if found else None,
            is_merge=len(parents.split()) > 1,
            changed_lines=_parse_numstat(numbers),
        )


def squash_changes(repository: Path, base: str, fix: str) -> MainlineChange | None:
    """Return `base` to `fix` as one change; `None` if either is missing."""
    try:
        parent = run_git("rev-parse", "--verify", "--quiet", f"{base}^{{commit}}", cwd=repository).strip()
        numbers = run_git("diff", "--no-renames", "--numstat", "-z", base, fix, cwd=repository)
    except GitError:
        return None
    newest = next(read_history(repository, f"{fix}^!"), None)
    return replace(newest, base_commit=parent, changed_lines=_parse_numstat(numbers)) if newest else None


def _parse_numstat(numbers: str) -> tuple[tuple[str, int], ...]:
    changed = []
    for entry in numbers.split("\0"):
        added, _, rest = entry.strip("\n").partition("\t")
        removed, _, path = rest.partition("\t")
        if path:
            changed.append((path, sum(int(n) for n in (added, removed) if n.isdigit())))
    return tuple(changed)


def pull_messages_of(repository: Path, change: MainlineChange) -> list[str]:
    """Return the messages of the commits in a merged pull request, oldest first.

    Merges are left out.
    """
    if change.is_merge:
        span = f"{change.base_commit}..{change.fix_commit}^2"
    elif change.pull is not None:
        span = f"{change.base_commit}..refs/pull/{change.pull}/head"
    else:
        return []
    try:
        text = run_git("log", "--no-merges", "--reverse", "--max-count=20", "--format=%B%x01", span, cwd=repository)
    except GitError:
        return []
    return [message.strip() for message in text.split("\x01") if message.strip()]
