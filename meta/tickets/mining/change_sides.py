"""Splits a merged change into what the worker has to write and what grades it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from meta.environments.commit_tree import CommitTree
from meta.errors import MetaError
from meta.languages.python.test_files import is_protected, is_test_side, pytest_tables_of
from meta.records.ticket import HiddenFile
from meta.set_aside import quote_bytes
from meta.tickets.mining.file_changes import (
    FileChange,
    list_file_changes,
    read_diff,
    require_contents,
    resolve_commit,
)
from worker_agent.borrowed_objects import borrowed_objects


@dataclass(frozen=True)
class ChangeSides:
    """Both sides of a merged change.

    `gold` is the diff without its hidden files; `hidden` is every test-side file as the change left it.
    """

    gold: str
    hidden: tuple[HiddenFile, ...]
    links: tuple[str, ...]
    """Changed paths that are links or submodules, which no submission may contain."""

    @property
    def test_files(self) -> tuple[str, ...]:
        """The hidden Python files that still exist."""
        return list_test_files(self.hidden)


def list_test_files(hidden: Iterable[HiddenFile]) -> tuple[str, ...]:
    """Return the hidden Python files on the test side that still exist."""
    return tuple(f.path for f in hidden if f.content is not None and is_test_side(f.path) and f.path.endswith(".py"))


def split_change(repository: Path, base: str, fix: str) -> ChangeSides:
    """Split the change from `base` to `fix`.

    All of the test side is hidden: tests, helpers, conftest, data under the tests' folders, what steers pytest; a
    renamed file is one removed and one added. `pyproject.toml` is hidden when its pytest tables changed. Raises
    `MetaError` for a change that no ticket can hold, and `GitError` for one that git cannot read.
    """
    base, fix = (resolve_commit(repository, name) for name in (base, fix))
    with borrowed_objects(repository) as objects:
        changes = list_file_changes(objects, base, fix)
        require_contents(objects, changes)
        hidden, gold, links = _sort(repository, base, fix, changes)
        return ChangeSides(read_diff(objects, base, fix, gold), tuple(hidden), tuple(links))


def _sort(
    repository: Path, base: str, fix: str, changes: Iterable[FileChange]
) -> tuple[list[HiddenFile], list[str], list[str]]:
    """Return the hidden files, and the paths of the gold side and of links."""
    before, after = CommitTree(repository, base), CommitTree(repository, fix)
    hidden, gold, links = list[HiddenFile](), list[str](), list[str]()
    for change in changes:
        path = change.path
        if change.is_link:
            links.append(path)
        elif is_protected(path) or (path == "pyproject.toml" and _read_tables(before) != _read_tables(after)):
            if path != quote_bytes(path):
                raise MetaError(f"it changes a test file whose name is not UTF-8: {quote_bytes(path)}")
            content = None if change.is_removed else after.bytes(path)
            hidden.append(HiddenFile(path=path, content=content, executable=change.is_executable))
        else:
            gold.append(path)
    return hidden, gold, links


def _read_tables(tree: CommitTree) -> object:
    return pytest_tables_of(tree.text("pyproject.toml"))
