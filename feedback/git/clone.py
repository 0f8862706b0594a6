"""Reads a clone that nobody vouches for, with few git processes.

Only refs and the address of `origin` are read in the clone itself. Objects are read through an empty repository in a
temporary folder that borrows the clone's objects (`objects/info/alternates`), so the clone's configuration, hooks,
attributes, replace refs and drivers are never used. Git may not use the network: what a partial clone lacks is
reported, not fetched.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from feedback.git.command import read_git, split_at_nul, stream_git
from feedback.messages import subject_of
from feedback.problems import FeedbackError

_DIFF_ARGUMENTS = ("diff-tree", "--stdin", "-r", "--no-renames", "--no-color", "--no-ext-diff", "--no-textconv")
_PATCH_ARGUMENTS = ("-p", "--full-index", "--diff-algorithm=myers", "--src-prefix=a/", "--dst-prefix=b/", "--unified=3")
_LOG_FORMAT = "--format=%H%x00%P%x00%T%x00%an%x00%ae%x00%at%x00%ce%x00%ct%x00%B"
_LOG_FIELDS = 9
_MIN_MERGE_BYTES = 512 * 1024 * 1024
"""Trial merges are written to shared memory if this many bytes are free there."""


@dataclass(frozen=True, slots=True)
class Commit:
    """One commit; times are seconds since the epoch."""

    sha: str
    parents: tuple[str, ...]
    tree: str
    author: str
    author_email: str
    author_time: int
    committer_email: str
    time: int
    message: str

    @property
    def subject(self) -> str:
        return subject_of(self.message)


TreePair = tuple[str, str]
"""Two trees, before and after."""
FileChange = tuple[str, str, str]
"""A path, then "<mode> <blob>" before and after, as in "100644 4b825d…"; zeros for a missing file."""


class Clone:
    """A clone to read from. Open one with `open_clone`."""

    def __init__(self, path: Path, shadow: Path, sha_length: int) -> None:
        self.path = path
        self.empty_tree = (
            "4b825dc642cb6eb9a060e54bf8d69288fbee4904"
            if sha_length == 40
            else "6ef19b41225c5369f1c104d45d8d85efa9b057b53b14b4b9b939dd74decc5321"
        )
        self._shadow = shadow
        shallow = shadow / "shallow"
        self._edge = frozenset(shallow.read_text().split()) if shallow.is_file() else frozenset()
        self._hash = hashlib.sha1 if sha_length == 40 else hashlib.sha256

    def refs(self) -> dict[str, tuple[str, str]]:
        """Return the refs that lead to a commit, by name.

        Each has the sha of the commit, and the name of the ref that it is an alias of, or "".
        """
        form = "%(refname)%00%(objecttype)%00%(objectname)%00%(*objecttype)%00%(*objectname)%00%(symref)"
        refs: dict[str, tuple[str, str]] = {}
        for line in read_git(self.path, "for-each-ref", f"--format={form}").split("\n"):
            name, *objects, symref = line.split("\0") if line else ("", "")
            pairs = zip(objects[::2], objects[1::2], strict=True)
            commit = next((sha for kind, sha in pairs if kind == "commit"), None)
            if commit:
                refs[name] = (commit, symref)
        return refs

    def head(self) -> str | None:
        """Return the full name of HEAD's branch; None if HEAD is detached or broken."""
        try:
            return read_git(self.path, "symbolic-ref", "-q", "HEAD").strip() or None
        except FeedbackError:
            return None

    def upstream_of(self, branch: str) -> str:
        """Return the full name of the branch that a local branch follows.

        Without a setting, that is the branch of the same name of `origin`, whether or not there is one.
        """
        told = read_git(self.path, "for-each-ref", "--format=%(upstream)", branch).strip()
        return told or branch.replace("refs/heads/", "refs/remotes/origin/", 1)

    def contains(self, tip: str, other: str) -> bool:
        """Whether the commit `other` is part of the history of `tip`."""
        try:
            read_git(self.path, "merge-base", "--is-ancestor", other, tip)
        except FeedbackError:
            return False
        return True

    def remote_url(self) -> str | None:
        """Return the address of the remote `origin`; None if there is none."""
        try:
            return read_git(self.path, "config", "--local", "--get", "remote.origin.url").strip() or None
        except FeedbackError:
            return None

    def commits(self, tips: Iterable[str]) -> Iterator[Commit]:
        """Yield the commits reachable from `tips`, newest first.

        Where a shallow clone ends, a commit's parent is all zeros.
        """
        args = (
            "log",
            "-z",
            "--stdin",
            "--ignore-missing",
            _LOG_FORMAT,
            "--encoding=UTF-8",
            "--no-show-signature",
            "--no-mailmap",
        )
        fields: list[str] = []
        with self._stream((*args, "--no-color", "--no-notes"), tips) as out:
            for field in split_at_nul(out):
                fields.append(field)
                if len(fields) == _LOG_FIELDS:
                    if fields[0] in self._edge:
                        fields[1] = "0" * len(fields[0])
                    sha, parents, tree, author, mail, at, committer_mail, time, message = fields
                    above, authored, committed = tuple(parents.split()), _parse_time(at), _parse_time(time)
                    yield Commit(sha, above, tree, author, mail, authored, committer_mail, committed, message)
                    fields = []

    def readable_tips(self, tips: Sequence[str]) -> list[str]:
        """Return those of these commits from which the whole history can be read."""
        try:
            read_whole = ("rev-list", "--stdin", "--ignore-missing", "--count")
            with self._stream(read_whole, tips) as out:
                out.read()
        except FeedbackError:
            half = len(tips) // 2
            return self.readable_tips(tips[:half]) + self.readable_tips(tips[half:]) if half else []
        return list(tips)

    def changed_files(self, pairs: Iterable[TreePair]) -> Iterator[tuple[FileChange, ...] | None]:
        """Yield the files that differ in each pair, in order; None where git cannot read one of the trees."""
        pairs = list(pairs)
        found = self._compare_trees(list(dict.fromkeys(pairs)))
        yield from (found.get(pair) for pair in pairs)

    def _compare_trees(self, pairs: list[TreePair]) -> dict[TreePair, tuple[FileChange, ...]]:
        found: dict[str, list[FileChange]] = {}
        headings = {f"{before} {after}" for before, after in pairs}
        changes: list[FileChange] = []
        try:
            with self._stream((*_DIFF_ARGUMENTS, "--raw", "-z"), sorted(headings)) as out:
                fields = split_at_nul(out)
                for field in fields:
                    # A pair's heading ends with a newline instead of a NUL, so the next field is attached to it.
                    while (end := field.find("\n")) > 0 and field[:end] in headings:
                        changes = found[field[:end]] = []
                        field = field[end + 1 :]
                    if field.startswith(":"):
                        old, new, before, after, _ = field[1:].split(" ")
                        changes.append((next(fields), f"{old} {before}", f"{new} {after}"))
        except FeedbackError:  # one bad pair ends the process: find it by bisection
            half = len(pairs) // 2
            return self._compare_trees(pairs[:half]) | self._compare_trees(pairs[half:]) if half else {}
        return {pair: tuple(found[heading]) for pair in pairs if (heading := f"{pair[0]} {pair[1]}") in found}

    def patches(self, pairs: Iterable[TreePair]) -> Iterator[Iterator[bytes]]:
        """Yield the lines of each pair's unified diff, in order.

        Read one before you ask for the next.
        """
        pairs = list(pairs)
        if not pairs:
            return
        with self._stream((*_DIFF_ARGUMENTS, *_PATCH_ARGUMENTS), (f"{a} {b}" for a, b in pairs)) as out:
            lines = iter(out)
            heads = [f"{a} {b}\n".encode() for a, b in pairs]
            if next(lines, b"") != heads[0]:
                raise FeedbackError(f"git diff-tree answered out of order in {self.path}. Run `git fsck` there.")
            for head in [*heads[1:], b""]:
                part = _take_until(lines, head)
                yield part
                for _ in part:
                    pass

    def missing_objects(self, objects: Iterable[str]) -> set[str]:
        """Return those of `objects` that the clone lacks, as a partial clone does."""
        with self._stream(("cat-file", "--batch-check", "--buffer"), objects) as out:
            return {line.split(b" ", 1)[0].decode() for line in out if line.endswith(b" missing\n")}

    def merge_trees(self, merges: Sequence[tuple[str, str, str]]) -> list[str | None]:
        """Merge each (base tree, our tree, their tree); return the merged trees.

        Conflicts are marked in the files.

        A tree is None if contents are missing, and all are if git is older than 2.39 (`merge-tree --stdin`).
        """
        lines = []
        for base, ours, theirs in merges:
            root = self._write_commit(base)
            lines.append(f"{self._write_commit(ours, root)} {self._write_commit(theirs, root)}")
        return self._merge(lines)

    def _merge(self, lines: list[str]) -> list[str | None]:
        if not lines:
            return []
        try:
            with self._stream(("merge-tree", "--write-tree", "--stdin", "--no-messages"), lines) as out:
                fields = list(split_at_nul(out))
        except FeedbackError:  # one bad merge ends the process: find it by bisection
            half = len(lines) // 2
            return self._merge(lines[:half]) + self._merge(lines[half:]) if half else [None]
        trees: list[str | None] = []
        at = 0
        while at + 1 < len(fields):
            trees.append(fields[at + 1])
            at = fields.index("", at + 2) + 1
        return trees

    def _write_commit(self, tree: str, *parents: str) -> str:
        """Write a commit for `merge-tree`, which finds the merge base through parents, and return its sha."""
        who = "meta <meta> 0 +0000"
        body = "".join([f"tree {tree}\n", *(f"parent {p}\n" for p in parents)])
        body += f"author {who}\ncommitter {who}\n\n\n"
        blob = f"commit {len(body)}\0{body}".encode()
        sha = self._hash(blob).hexdigest()
        path = self._shadow / "objects" / sha[:2] / sha[2:]
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(zlib.compress(blob, 1))
        return sha

    def _stream(self, args: tuple[str, ...], lines: Iterable[str]) -> AbstractContextManager[IO[bytes]]:
        return stream_git(self._shadow, self.path, args, lines)


@contextmanager
def open_clone(path: Path | str) -> Iterator[Clone]:
    """Open the clone at `path`, a work tree or bare, in a `with` block.

    Leaves nothing behind.

    Raises `FeedbackError` if it is not a git repository, or git refuses to read it.
    """
    path = Path(path)
    if not path.is_dir():
        raise FeedbackError(f"{path} is not a directory. Give the path of a clone of the agent's repository.")
    output = read_git(
        path,
        "rev-parse",
        "--path-format=absolute",
        "--git-path",
        "objects",
        "--git-path",
        "shallow",
        "--show-object-format",
        "--show-prefix",
    )
    objects, shallow, form = output.split("\n")[:3]
    with tempfile.TemporaryDirectory(prefix="feedback-", dir=_merge_folder()) as name:
        shadow = Path(name)
        (shadow / "objects" / "info").mkdir(parents=True)
        (shadow / "refs").mkdir()
        (shadow / "HEAD").write_text("ref: refs/heads/none\n")
        version = "0\n" if form == "sha1" else f"1\n[extensions]\n\tobjectFormat = {form}\n"
        (shadow / "config").write_text(f"[core]\n\tbare = true\n\trepositoryFormatVersion = {version}")
        (shadow / "objects" / "info" / "alternates").write_text(objects + "\n")
        if Path(shallow).is_file():
            (shadow / "shallow").write_bytes(Path(shallow).read_bytes())
        yield Clone(path, shadow, 40 if form == "sha1" else 64)


def _merge_folder() -> str | None:
    """Return shared memory for trial merges, which are many small files, or None if it lacks room."""
    shared = "/dev/shm"
    try:
        room = os.statvfs(shared)
    except OSError:
        return None
    return shared if os.access(shared, os.W_OK) and room.f_bavail * room.f_frsize > _MIN_MERGE_BYTES else None


def _take_until(lines: Iterator[bytes], head: bytes) -> Iterator[bytes]:
    for line in lines:
        if line == head:
            return
        yield line


def _parse_time(text: str) -> int:
    """Return a commit's time; 0 for one that no datetime can hold, as hostile commits have."""
    value = int(text) if text.lstrip("-").isdigit() else 0
    return value if 0 <= value < 253_402_300_800 else 0
