"""Finds small changes in a repository's history that touch source and tests."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from meta.errors import MetaError
from meta.languages.python.test_files import is_protected, is_test_side
from meta.set_aside import why_set_aside
from meta.tickets.mining.commit_messages import decode_message
from meta.tickets.mining.file_changes import (
    count_changed_lines,
    list_file_changes,
    require_contents,
    resolve_commit,
)
from worker_agent.borrowed_objects import borrowed_objects
from worker_agent.git import GitError, run_git_bytes

MAX_SOURCE_FILES = 12
"""The most source files that one task may touch."""

MAX_SOURCE_LINES = 400
"""The most lines of source that one task may add and remove."""

_PULL = re.compile(r"\(#(\d{1,9})\)\s*$|^Merge pull request #(\d{1,9}) ")
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
    merged: tuple[str, ...] = ()
    """The other parents of a merge commit: its message is the pull request's, its commits' are elsewhere."""
    changed_lines: tuple[tuple[str, int], ...] = ()
    """Path and number of changed lines of each file; binary files count 0."""

    @property
    def is_merge(self) -> bool:
        """Whether it is a merge commit."""
        return bool(self.merged)

    @property
    def subject(self) -> str:
        """The first line of the message."""
        return self.message.partition("\n")[0].strip()


def is_source_file(path: str) -> bool:
    """Say whether a changed file is code that a ticket could be about."""
    return (
        PurePosixPath(path).suffix in _CODE
        and not is_test_side(path)
        and not is_protected(path)
        and not _NOT_SOURCE.search(path)
    )


def is_test_file(path: str) -> bool:
    """Say whether a changed file is a Python file on the test side."""
    return is_test_side(path) and path.endswith(".py")


@dataclass(frozen=True)
class MainLine:
    """The part of a history to read: the first parents of a branch, since some day."""

    branch: str = "HEAD"
    since: str | None = None
    """Anything that `git log --since` takes."""


@dataclass(frozen=True)
class UnreadableChange:
    """A change of the main line that is set aside before anything is known of it, and why."""

    base_commit: str
    fix_commit: str
    subject: str
    reason: str


def find_minable_changes(
    repository: Path, main_line: MainLine = MainLine(), skip: Collection[str] = ()
) -> Iterator[MainlineChange | UnreadableChange]:
    """Yield small changes of the main line that touch source and tests, newest first.

    Those whose fix commits are in `skip` are not looked at. Raises `MetaError` when there is nothing to read.
    """
    history = list_history(repository, main_line.branch, main_line.since)
    with borrowed_objects(repository) as objects:
        for change in history:
            if change.fix_commit in skip:
                continue
            try:
                if minable := _look_into(objects, change):
                    yield minable
            except Exception as error:
                reason = why_set_aside(error)
                yield UnreadableChange(change.base_commit, change.fix_commit, change.subject, reason)


def _look_into(objects: Path, change: MainlineChange) -> MainlineChange | None:
    """Return the change with its lines counted; `None` if it is too large or lacks source or tests."""
    files = list_file_changes(objects, change.base_commit, change.fix_commit)
    source = {file.path for file in files if is_source_file(file.path)}
    if not 0 < len(source) <= MAX_SOURCE_FILES or not any(is_test_file(file.path) for file in files):
        return None
    require_contents(objects, files)
    counted = count_changed_lines(objects, change.base_commit, change.fix_commit)
    if not 0 < sum(count for path, count in counted if path in source) <= MAX_SOURCE_LINES:
        return None
    return replace(change, changed_lines=counted)


def list_history(repository: Path, span: str, since: str | None = None) -> list[MainlineChange]:
    """Return every change of a line of history, its first parents, newest first, without its files.

    The first commit of all is no change, nor is the oldest of a shallow clone. Raises `MetaError` when there is nothing
    to read.
    """
    # A filter, not a limit: git would stop at the first commit whose clock was wrong.
    limit = [f"--since-as-filter={since}"] if since else []
    form = ("-z", "--format=%H%x00%P%x00%B", "--encoding=UTF-8", "--no-notes", "--no-color", "--no-mailmap")
    try:
        log = run_git_bytes(
            "log", "--first-parent", "--no-patch", *form, *limit, "--end-of-options", span, "--", cwd=repository
        )
    except (GitError, OSError) as error:
        raise MetaError(
            f"cannot read the history of {span} in {repository}: {error}", "name a git repository and a branch in it"
        ) from None
    fields = iter(log.split(b"\0"))
    changes = []
    for commit, parents, text in zip(fields, fields, fields, strict=False):
        if not parents:
            continue
        message = decode_message(text)
        found = _PULL.search(message.partition("\n")[0])
        base, *merged = parents.decode().split()
        changes.append(
            MainlineChange(
                base_commit=base,
                fix_commit=commit.decode(),
                message=message,
                pull=int(found[1] or found[2]) if found else None,
                merged=tuple(merged),
            )
        )
    return changes


def count_lines_of(repository: Path, base: str, fix: str) -> tuple[tuple[str, int], ...]:
    """Return path and number of changed lines of each file that differs. Raises `GitError`."""
    with borrowed_objects(repository) as objects:
        return count_changed_lines(objects, base, fix)


def squash_changes(repository: Path, base: str, fix: str) -> MainlineChange | None:
    """Return `base` to `fix` as one change; `None` if either is missing."""
    try:
        parent, fix = (resolve_commit(repository, name) for name in (base, fix))
        counted = count_lines_of(repository, parent, fix)
    except GitError:
        return None
    newest = next(iter(list_history(repository, f"{fix}^!")), None)
    return replace(newest, base_commit=parent, changed_lines=counted) if newest else None


def pull_messages_of(repository: Path, change: MainlineChange) -> list[str]:
    """Return the messages of the commits in a merged pull request, oldest first.

    Merges are left out.
    """
    if change.is_merge:
        span = [f"^{change.base_commit}", *change.merged]
    elif change.pull is not None:
        span = [f"^{change.base_commit}", f"refs/pull/{change.pull}/head"]
    else:
        return []
    form = ("-z", "--format=%B", "--encoding=UTF-8", "--no-notes", "--no-color", "--no-patch")
    try:
        log = run_git_bytes(
            "log", "--no-merges", "--reverse", "--max-count=20", *form, "--end-of-options", *span, "--", cwd=repository
        )
    except GitError:
        return []
    return [message for text in log.split(b"\0") if (message := decode_message(text))]
