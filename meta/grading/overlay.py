"""Restores protected files and lays hidden ones over what a submission changed."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from functools import lru_cache
from pathlib import Path, PurePosixPath

from meta.errors import MetaError
from meta.languages.python.test_files import is_protected, replace_pytest_tables
from meta.records.ticket import HiddenFile
from worker_agent.foreign_tree import read_regular_file, remove_file, walk_tree, write_file, write_link

FileStamp = tuple[int, int, int]
"""Size, modification time (ns) and kind of a file."""


def restore_protected(root: Path, base: Path, also: tuple[str, ...] = ()) -> list[str]:
    """Make the protected files under `root` what they are in the base tree.

    Returns the paths that had to change. `also` are patterns of further files that the ticket protects. The trees are
    walked instead of reading the diff, because a diff can disguise what it touches.
    """
    theirs = _find_protected(base, also)
    changed = []
    found = dict(walk_files(root))
    for path, (size, modified, kind) in theirs.items():
        # The workspace was copied with its times, and writing a file changes them.
        if found.get(path) != (size, modified, kind):
            changed.append(path)
            _restore_file(root, path, base / path)
    for path in found.keys() - theirs.keys():
        if _is_protected(path, also):
            changed.append(path)
            remove_file(root, path)
    if _restore_pytest_tables(root, base):
        changed.append("pyproject.toml")
    return sorted(changed)


def lay_hidden_files(root: Path, hidden: Sequence[HiddenFile]) -> None:
    """Write the hidden files, and remove those that the gold change removed.

    Raises `MetaError` for a path that leads out of the repository.
    """
    for file in hidden:
        _require_inside(file.path)
        if file.content is None:
            remove_file(root, file.path)
        else:
            write_file(root, file.path, file.content, 0o755 if file.executable else 0o644)


@lru_cache(maxsize=32)
def _find_protected(base: Path, also: tuple[str, ...]) -> Mapping[str, FileStamp]:
    return {path: stamp for path, stamp in walk_files(base) if _is_protected(path, also)}


def _is_protected(path: str, also: tuple[str, ...]) -> bool:
    return is_protected(path) or any(fnmatchcase(path, pattern) for pattern in also)


def walk_files(root: Path) -> Iterator[tuple[str, FileStamp]]:
    """Yield every file and link below the root except git's, with its stamp."""
    for path, about in walk_tree(root, lambda folder: PurePosixPath(folder).name != ".git"):
        yield path, (about.st_size, about.st_mtime_ns, about.st_mode)


def _restore_file(root: Path, path: str, source: Path) -> None:
    about = source.lstat()
    if stat.S_ISLNK(about.st_mode):
        write_link(root, path, os.readlink(source))
    else:
        write_file(root, path, source.read_bytes(), stat.S_IMODE(about.st_mode), about.st_mtime_ns)


def _require_inside(path: str) -> None:
    parts = PurePosixPath(path).parts
    if PurePosixPath(path).is_absolute() or not parts or {"..", ".git"} & {part.lower() for part in parts}:
        raise MetaError(f"the ticket's hidden file {path!r} lies outside the repository", "correct its path")


def _restore_pytest_tables(root: Path, base: Path) -> bool:
    name = "pyproject.toml"
    if (base / name).is_symlink():  # the file behind the link may be the submission's
        theirs = (base / name).resolve()
        inside = theirs.is_relative_to(base.resolve()) and theirs.is_file()
        write_file(root, name, theirs.read_bytes() if inside else b"")
        return True
    text, wanted = ((read_regular_file(tree, name) or b"").decode("utf-8", "surrogateescape") for tree in (root, base))
    merged = replace_pytest_tables(text, wanted)
    if merged == text:
        return False
    write_file(root, name, merged.encode("utf-8", "surrogateescape"))
    return True
