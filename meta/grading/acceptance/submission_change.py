"""Compares a submission with the base, file by file.

It compares the trees, because a diff can be disguised.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from meta.grading.overlay import FileStamp, walk_files


@dataclass(frozen=True)
class ChangedFile:
    """A file before and after; `None` where it does not exist."""

    path: str
    before: bytes | None
    after: bytes | None

    @property
    def added(self) -> bool:
        """Whether the base lacks it."""
        return self.before is None

    @property
    def removed(self) -> bool:
        """Whether the submission lacks it."""
        return self.after is None

    @property
    def binary(self) -> bool:
        """Whether it is binary, by git's own rule: a zero byte near the beginning."""
        return any(b"\0" in text[:8000] for text in (self.before or b"", self.after or b""))

    @property
    def lines(self) -> int:
        """Lines added and removed; one that only moved counts as neither."""
        if self.binary:
            return 0
        before, after = Counter((self.before or b"").splitlines()), Counter((self.after or b"").splitlines())
        return (after - before).total() + (before - after).total()


@dataclass(frozen=True)
class SubmissionChange:
    """All files that a change touched, ordered by path, and the base's folder."""

    base: Path
    files: tuple[ChangedFile, ...]

    @property
    def lines(self) -> int:
        """Lines added and removed in all files."""
        return sum(file.lines for file in self.files)


def compare_with_base(root: Path, base: Path) -> SubmissionChange:
    """Return what differs between `root` and the base from which it was copied.

    The copy has to have kept the files' times.
    """
    before, after = _stamp_files(base), dict(walk_files(root))
    paths = sorted(path for path in before.keys() | after.keys() if before.get(path) != after.get(path))
    files = (ChangedFile(path, _read_file(base, path, before), _read_file(root, path, after)) for path in paths)
    return SubmissionChange(base, tuple(file for file in files if file.before != file.after))


@lru_cache(maxsize=32)
def _stamp_files(base: Path) -> Mapping[str, FileStamp]:
    return dict(walk_files(base))


def _read_file(root: Path, path: str, stamps: Mapping[str, FileStamp]) -> bytes | None:
    file = root / path
    return file.read_bytes() if path in stamps and file.is_file() and not file.is_symlink() else None
