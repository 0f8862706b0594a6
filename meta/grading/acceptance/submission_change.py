"""Compares a submission with the base, file by file.

It compares the trees, because a diff can be disguised.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from meta.grading.overlay import FileStamp, walk_files
from worker_agent.foreign_tree import read_regular_file

MAX_BASE_BYTES = 1 << 30
"""No larger file of the base is read; it may be large, as nobody can have changed it for that."""


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


@dataclass(frozen=True)
class SubmissionChange:
    """All files that a change touched, ordered by path, and the base's folder."""

    base: Path
    files: tuple[ChangedFile, ...]


def compare_with_base(root: Path, base: Path) -> SubmissionChange:
    """Return what differs between `root` and the base from which it was copied.

    The copy has to have kept the files' times.
    """
    before, after = _stamp_files(base), dict(walk_files(root))
    paths = sorted(path for path in before.keys() | after.keys() if before.get(path) != after.get(path))
    files = (
        ChangedFile(path, read_regular_file(base, path, MAX_BASE_BYTES), read_regular_file(root, path))
        for path in paths
    )
    return SubmissionChange(base, tuple(file for file in files if file.before != file.after))


@lru_cache(maxsize=32)
def _stamp_files(base: Path) -> Mapping[str, FileStamp]:
    return dict(walk_files(base))
