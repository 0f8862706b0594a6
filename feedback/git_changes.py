"""What a pair of trees changes, in a form in which equal changes compare equal wherever they were applied."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from feedback.git_clone import Clone, FileChange, Pair
from feedback.records import MAX_DIFF, Diff

_MODE = re.compile(rb"(new file|deleted file|old|new) mode (\d+)")
_BINARY_INDEX = re.compile(rb"index ([0-9a-f]+)\.\.([0-9a-f]+)")


@dataclass(frozen=True, slots=True)
class Change:
    """From one tree to another.

    `content` names the removed and added lines of each file, without context, line numbers or white lines around
    them, like `git patch-id` but blind to context too, so that it survives a rebase; `inverse` names the change
    that undoes it. Both, and `diff`, are None when the clone lacks the contents.
    """

    files: tuple[FileChange, ...]
    diff: Diff | None
    content: str | None
    inverse: str | None

    @property
    def paths(self) -> frozenset[str]:
        return frozenset(path for path, _, _ in self.files)

    def same_as(self, other: Change) -> bool | None:
        """Whether both are the same change; None when contents that would decide it are missing."""
        if self.files == other.files:
            return True
        if self.content is None or other.content is None:
            return False if self.paths != other.paths else None
        return self.content == other.content

    def share_in(self, other: Change) -> float:
        """The share of this change's lines, blank ones apart, that `other` changes alike; 0 where unknown."""
        if self.diff is None or other.diff is None or self.diff.truncated:
            return 0.0
        mine, theirs = _changed_lines(self.diff.text), _changed_lines(other.diff.text)
        return (mine & theirs).total() / mine.total() if mine else 0.0


def read_changes(clone: Clone, pairs: Iterable[Pair]) -> dict[Pair, Change]:
    """The change of every pair, read in three passes over all of them."""
    wanted = list(dict.fromkeys(pairs))
    if not wanted:
        return {}
    files = dict(zip(wanted, clone.changed_files(wanted), strict=True))
    blobs = {blob for changes in files.values() for _, *sides in changes for blob in sides if blob.strip("0")}
    lacking = clone.missing(sorted(blobs))
    whole = [p for p in wanted if not any(b in lacking or a in lacking for _, b, a in files[p])]
    changes = {pair: Change(files[pair], None, None, None) for pair in wanted}
    for pair, lines in zip(whole, clone.patches(whole), strict=True):
        changes[pair] = Change(files[pair], *_read_patch(lines))
    return changes


def _read_patch(lines: Iterator[bytes]) -> tuple[Diff, str, str]:
    """The text within its limit, and the two names of the change."""
    kept: list[bytes] = []
    size = 0
    names = _Names()
    for line in lines:
        size += len(line)
        if size <= MAX_DIFF:
            kept.append(line)
        names.read(line)
    names.end_block()
    text = b"".join(kept).decode(errors="replace")
    return Diff(text=text, truncated=size > MAX_DIFF), names.forward.hexdigest(), names.backward.hexdigest()


class _Names:
    """Hashes a patch and its inverse, line by line. What differs between the two is hashed as (before, after)."""

    def __init__(self) -> None:
        self.forward, self.backward = hashlib.sha256(), hashlib.sha256()
        self._removed: list[bytes] = []
        self._added: list[bytes] = []
        self._index = (b"", b"")
        self._in_hunk = False

    def read(self, line: bytes) -> None:
        mark = line[:1]
        if mark == b"d":  # "diff --git": within hunks every line starts with a mark, so this is a new file
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
        """Hash the run of changed lines read so far: all that was removed, then all that was added."""
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


def _changed_lines(text: str) -> Counter[str]:
    """Removed and added lines with their file and mark."""
    lines: Counter[str] = Counter()
    file = ""
    in_hunk = False
    for line in text.split("\n"):
        if line.startswith("diff --git "):
            file, in_hunk = line, False
        elif line.startswith("@@"):
            in_hunk = True
        elif in_hunk and line[:1] in ("+", "-") and line[1:].strip():
            lines[f"{file}\n{line}"] += 1
    return lines
