"""Reads what a change touches.

`objects` is a repository with nothing but objects (`worker_agent.borrowed_objects`), so that no setting or attribute of
a clone changes the answer, and nothing is fetched. Commits are named by their full ids.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from meta.errors import MetaError
from meta.set_aside import quote_bytes
from worker_agent.foreign_tree import MAX_DEPTH, MAX_PATH_BYTES
from worker_agent.git import BINARY_DIFF, run_git

MAX_CHANGED_FILES = 500
"""A change of more files is no ticket, whatever they are."""

MAX_CHANGED_MB = 20
"""The most that the changed files may weigh, before and after together: each replay copies them."""

MAX_NAME_BYTES = 255
"""The most that file systems take."""

_LINK_MODES = frozenset({"120000", "160000"})
_TREE_OPTIONS = ("-r", "-z", "--no-renames", "--ignore-submodules=none")


@dataclass(frozen=True)
class FileChange:
    """One file that a change touches; a rename is one file removed and one added."""

    path: str
    modes: tuple[str, str]
    """Before and after; "000000" where it does not exist."""
    blobs: tuple[str, str]
    """Before and after; zeros where it does not exist."""

    @property
    def is_link(self) -> bool:
        """Whether it is, or was, a link or a submodule."""
        return bool(_LINK_MODES & set(self.modes))

    @property
    def is_removed(self) -> bool:
        """Whether the change leaves nothing of it."""
        return self.modes[1] == "000000"

    @property
    def is_executable(self) -> bool:
        """Whether it can be executed after the change."""
        return self.modes[1] == "100755"


def resolve_commit(repository: Path, name: str) -> str:
    """Return the full id of a commit. Raises `GitError` if there is none of that name."""
    names = ("--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}")
    return run_git("rev-parse", *names, cwd=repository).strip()


def list_file_changes(objects: Path, base: str, fix: str) -> list[FileChange]:
    """Return the files that differ, by path. No file's content is needed, so a partial clone has all of it.

    Raises `GitError` when one of the commits cannot be read.
    """
    raw = run_git("diff-tree", "--raw", "--no-abbrev", *_TREE_OPTIONS, base, fix, "--", cwd=objects).split("\0")
    changes = []
    for about, path in zip(raw[::2], raw[1::2], strict=False):
        old_mode, new_mode, old_blob, new_blob, _ = about.lstrip(":").split()
        changes.append(FileChange(path, (old_mode, new_mode), (old_blob, new_blob)))
    return changes


def count_changed_lines(objects: Path, base: str, fix: str) -> tuple[tuple[str, int], ...]:
    """Return path and number of changed lines of each file that differs; binary files count 0.

    Raises `GitError` when a commit or a content cannot be read.
    """
    text = run_git("diff-tree", "--numstat", *_TREE_OPTIONS, base, fix, "--", cwd=objects)
    return tuple(_parse_numstat(text))


def read_diff(objects: Path, base: str, fix: str, paths: Iterable[str]) -> str:
    """Return the diff of these paths, as git's own settings make it; empty without paths."""
    literal = [f":(literal){path}" for path in paths]
    return run_git(*BINARY_DIFF, base, fix, "--", *literal, cwd=objects) if literal else ""


def require_contents(objects: Path, changes: Iterable[FileChange]) -> None:
    """Raise `MetaError` if a change is too large for a ticket, or the clone lacks one of its contents."""
    changes = list(changes)
    require_storable_paths(change.path for change in changes)
    if len(changes) > MAX_CHANGED_FILES:
        raise MetaError(f"it changes {len(changes):,} files, more than {MAX_CHANGED_FILES}")
    path_of = {
        blob: change.path
        for change in changes
        for mode, blob in zip(change.modes, change.blobs, strict=True)
        if mode not in ("000000", "160000")
    }
    asked = "".join(f"{blob}\n" for blob in path_of).encode()
    size = 0
    answers = run_git("cat-file", "--batch-check=%(objecttype) %(objectsize)", cwd=objects, stdin=asked)
    for path, answer in zip(path_of.values(), answers.splitlines(), strict=True):
        kind, _, number = answer.partition(" ")
        if kind != "blob":
            raise MetaError(
                f"the clone lacks the content of {quote_bytes(path)}; `git fetch --refetch --no-filter` completes it"
            )
        size += int(number)
    if size > MAX_CHANGED_MB << 20:
        raise MetaError(f"it changes {size >> 20:,} MB of files, more than {MAX_CHANGED_MB}")


def require_storable_paths(paths: Iterable[str]) -> None:
    """Raise `MetaError` for a path that is too long or too deep to be laid out on a disk."""
    for path in paths:
        parts = path.encode("utf-8", "surrogateescape").split(b"/")
        if len(parts) > MAX_DEPTH or max(map(len, parts)) > MAX_NAME_BYTES or len(path) > MAX_PATH_BYTES // 2:
            raise MetaError(f"a path is too long for a workspace: {quote_bytes(path)[:60]}…")


def _parse_numstat(text: str) -> Iterator[tuple[str, int]]:
    for entry in text.split("\0"):
        added, _, rest = entry.partition("\t")
        removed, _, path = rest.partition("\t")
        if path:
            yield path, sum(int(n) for n in (added, removed) if n.isdigit())
