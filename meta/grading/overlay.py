"""Restores protected files and lays hidden ones over what a submission changed."""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from functools import lru_cache
from pathlib import Path

from meta.errors import MetaError
from meta.languages.python.test_files import is_protected, replace_pytest_tables
from meta.records.ticket import HiddenFile

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
            (root / path).unlink()
    if _restore_pytest_tables(root, base):
        changed.append("pyproject.toml")
    return sorted(changed)


def lay_hidden_files(root: Path, hidden: Sequence[HiddenFile]) -> None:
    """Write the hidden files, and remove those that the gold change removed.

    Raises `MetaError` for a path that leads out of the repository.
    """
    for file in hidden:
        target = _resolve_inside(root, file.path)
        if file.content is None:
            with contextlib.suppress(FileNotFoundError, NotADirectoryError, IsADirectoryError):
                target.unlink()
            continue
        _make_way(root, target)
        target.write_bytes(file.content)
        target.chmod(0o755 if file.executable else 0o644)


@lru_cache(maxsize=32)
def _find_protected(base: Path, also: tuple[str, ...]) -> Mapping[str, FileStamp]:
    return {path: stamp for path, stamp in walk_files(base) if _is_protected(path, also)}


def _is_protected(path: str, also: tuple[str, ...]) -> bool:
    return is_protected(path) or any(fnmatchcase(path, pattern) for pattern in also)


def walk_files(root: Path) -> Iterator[tuple[str, FileStamp]]:
    """Yield every file and link below the root except git's, with its stamp."""
    folders = [(str(root), "")]
    while folders:
        folder, prefix = folders.pop()
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    if entry.name != ".git":
                        folders.append((entry.path, f"{prefix}{entry.name}/"))
                    continue
                about = entry.stat(follow_symlinks=False)
                yield prefix + entry.name, (about.st_size, about.st_mtime_ns, about.st_mode)


def _restore_file(root: Path, path: str, source: Path) -> None:
    target = _resolve_inside(root, path)
    _make_way(root, target)
    shutil.copy2(source, target, follow_symlinks=False)


def _make_way(root: Path, target: Path) -> None:
    """Clear the way for a file: remove what it replaces, and files where folders go."""
    for parent in reversed(target.relative_to(root).parents[:-1]):
        folder = root / parent
        if (folder.is_symlink() or folder.exists()) and not stat.S_ISDIR(folder.lstat().st_mode):
            folder.unlink()
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.is_symlink() or target.is_file():
        target.unlink()
    elif target.is_dir():
        shutil.rmtree(target)


def _resolve_inside(root: Path, path: str) -> Path:
    target = root / path
    if Path(path).is_absolute() or ".." in Path(path).parts or ".git" in Path(path).parts:
        raise MetaError(f"the ticket's hidden file {path!r} lies outside the repository", "correct its path")
    return target


def _restore_pytest_tables(root: Path, base: Path) -> bool:
    name = "pyproject.toml"
    submitted, original = root / name, base / name
    try:
        text = submitted.read_text(errors="surrogateescape")
    except FileNotFoundError:
        text = ""
    wanted = original.read_text(errors="surrogateescape") if original.exists() else ""
    if text == wanted:
        return False
    merged = replace_pytest_tables(text, wanted)
    if merged == text:
        return False
    submitted.write_text(merged, errors="surrogateescape")
    return True
