"""What changes between two trees.

Equal changes compare equal, wherever they are applied.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from feedback.git.clone import Clone, FileChange, TreePair
from feedback.outcome import MAX_DIFF_CHARS, Diff
from feedback.problems import FeedbackError

_MODE = re.compile(rb"(new file|deleted file|old|new) mode (\d+)")
_NO_BLOB_MODES = ("000000", "160000")
"""The modes of an absent file and of a submodule, whose commit is in another repository."""
_BINARY_INDEX = re.compile(rb"index ([0-9a-f]+)\.\.([0-9a-f]+)")

_DISTINCTIVE_CHARS = 20
"""An added line longer than this is unlikely to be written twice."""


@dataclass(frozen=True, slots=True)
class Patch:
    """The text of a change, and two digests of it.

    `content` is of the removed and added lines of each file, without line numbers, like `git patch-id`, and without
    context too, so that it survives a rebase. `inverse` is the content of the change that would undo this one.
    """

    diff: Diff
    content: str
    inverse: str


@dataclass(frozen=True, slots=True)
class TreeChange:
    """The change from one tree to another.

    `patch` is None if it was not loaded or the clone lacks contents.
    """

    files: tuple[FileChange, ...]
    patch: Patch | None = None

    @property
    def paths(self) -> frozenset[str]:
        return frozenset(path for path, _, _ in self.files)

    @property
    def diff(self) -> Diff | None:
        return self.patch.diff if self.patch else None

    def is_same_as(self, other: TreeChange) -> bool | None:
        """Whether both are the same change; None if contents that decide are missing."""
        if self.files == other.files:
            return True
        if self.paths != other.paths:
            return False
        return self.patch.content == other.patch.content if self.patch and other.patch else None

    def is_undone_by(self, other: TreeChange) -> bool:
        """Whether `other` undoes exactly this change; False if unknown."""
        return bool(self.patch and other.patch and self.patch.inverse == other.patch.content)

    def share_in(self, other: TreeChange, marks: str = "+-") -> float:
        """Return the share of this change's lines that `other` has too.

        `marks` selects added (`+`) and removed (`-`) lines.

        Blank lines do not count; 0 if unknown.
        """
        if self.diff is None or other.diff is None or self.diff.truncated:
            return 0.0
        mine, theirs = _count_changed_lines(self.diff.text, marks), _count_changed_lines(other.diff.text, marks)
        return (mine & theirs).total() / mine.total() if mine else 0.0

    def is_taken_over_by(self, other: TreeChange) -> bool:
        """Whether `other` adds nearly everything that this change adds.

        That is four fifths of its lines, and at least half of its lines in each file.
        """
        if self.diff is None or other.diff is None or self.diff.truncated:
            return False
        mine, theirs = _count_changed_lines(self.diff.text, "+"), _count_changed_lines(other.diff.text, "+")
        if not any(len(line.partition("\n")[2]) > _DISTINCTIVE_CHARS for line in mine):
            return False
        taken, all_lines = _count_by_file(mine & theirs), _count_by_file(mine)
        return taken.total() >= 0.8 * all_lines.total() and all(
            2 * taken[file] >= all_lines[file] for file in all_lines
        )


class PatchCache:
    """The changes between pairs of trees.

    It knows the files of all pairs from the start, and the patches of those that were loaded. Raises `FeedbackError`
    if git cannot read one of the trees.
    """

    def __init__(self, clone: Clone, pairs: Iterable[TreePair]) -> None:
        self._clone = clone
        pairs = list(dict.fromkeys(pairs))
        files = dict(zip(pairs, clone.changed_files(pairs), strict=True))
        if unreadable := next((pair for pair, changed in files.items() if changed is None), None):
            raise FeedbackError(f"git cannot compare the trees {' and '.join(unreadable)}. Run `git fsck`.")
        self._files = {pair: changed for pair, changed in files.items() if changed is not None}
        self._patches: dict[tuple[FileChange, ...], Patch] = {}

    def __getitem__(self, pair: TreePair) -> TreeChange:
        files = self._files[pair]
        return TreeChange(files, self._patches.get(files))

    def load(self, pairs: Iterable[TreePair]) -> None:
        """Load the patches of these pairs; pairs that change the same blobs share one."""
        by_files = {self._files[pair]: pair for pair in pairs}
        blobs = {side for files in by_files for _, *sides in files for side in sides}
        missing = self._clone.missing_objects(
            sorted(side.split()[1] for side in blobs if not side.startswith(_NO_BLOB_MODES))
        )
        complete = {
            files: pair
            for files, pair in by_files.items()
            if missing.isdisjoint(side.split()[1] for _, *sides in files for side in sides)
        }
        for files, lines in zip(complete, self._clone.patches(complete.values()), strict=True):
            self._patches[files] = _read_patch(lines)


def _read_patch(lines: Iterator[bytes]) -> Patch:
    text: list[bytes] = []
    size = 0
    hasher = _PatchHasher()
    for line in lines:
        size += len(line)
        if size <= MAX_DIFF_CHARS:
            text.append(line)
        hasher.read(line)
    hasher.end_block()
    return Patch(
        Diff(text=b"".join(text).decode(errors="replace"), truncated=size > MAX_DIFF_CHARS),
        hasher.forward.hexdigest(),
        hasher.backward.hexdigest(),
    )


class _PatchHasher:
    """Hashes a patch and its inverse, line by line; each change enters as (before, after) and (after, before)."""

    def __init__(self) -> None:
        self.forward, self.backward = hashlib.sha256(), hashlib.sha256()
        self._removed: list[bytes] = []
        self._added: list[bytes] = []
        self._index = (b"", b"")
        self._in_hunk = False

    def read(self, line: bytes) -> None:
        mark = line[:1]
        if mark == b"d":  # "diff --git": lines in a hunk start with a mark, so this is a new file
            self.end_block()
            self._in_hunk = False
            self._both(line, line)
        elif mark == b"@":
            self.end_block()
            self._in_hunk = True
        elif not self._in_hunk:
            self._read_heading(line)
        elif mark == b"+":
            self._added.append(line[1:])
        elif mark == b"-":
            self._removed.append(line[1:])
        elif mark == b" ":
            self.end_block()

    def end_block(self) -> None:
        """Hash the run of changed lines so far: what was removed, then what was added."""
        if self._removed or self._added:
            self._both(b"".join(self._removed), b"".join(self._added))
            self._removed.clear()
            self._added.clear()

    def _read_heading(self, line: bytes) -> None:
        if mode := _MODE.match(line):
            what, bits = mode.groups()
            self._removed += [bits] if what in (b"old", b"deleted file") else []
            self._added += [bits] if what in (b"new", b"new file") else []
        elif found := _BINARY_INDEX.match(line):
            self._index = (found[1], found[2])
        elif line.startswith(b"Binary files "):
            self._both(*self._index)

    def _both(self, before: bytes, after: bytes) -> None:
        self.forward.update(b"%d %d\n%s%s" % (len(before), len(after), before, after))
        self.backward.update(b"%d %d\n%s%s" % (len(after), len(before), after, before))


def _count_changed_lines(text: str, marks: str) -> Counter[str]:
    """Count the removed and added lines, each with its file and mark."""
    lines: Counter[str] = Counter()
    file = ""
    in_hunk = False
    for line in text.split("\n"):
        if line.startswith("diff --git "):
            file, in_hunk = line, False
        elif line.startswith("@@"):
            in_hunk = True
        elif in_hunk and line[:1] in tuple(marks) and line[1:].strip():
            lines[f"{file}\n{line}"] += 1
    return lines


def _count_by_file(lines: Counter[str]) -> Counter[str]:
    """Count the lines of each file."""
    found: Counter[str] = Counter()
    for line, times in lines.items():
        found[line.partition("\n")[0]] += times
    return found
