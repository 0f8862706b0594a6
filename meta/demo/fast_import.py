"""Writes a repository with its whole past by one `git fast-import`.

The same names and dates give the same hashes.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from worker_agent.git import run_git


@dataclass(frozen=True)
class GitPerson:
    """The author of a commit."""

    name: str
    email: str


@dataclass
class FastImport:
    """Collects commits for one repository; each is named by a mark, a number from 1."""

    _stream: list[bytes] = field(default_factory=list)
    _marks: int = 0

    def commit(
        self,
        ref: str,
        message: str,
        who: GitPerson,
        when: datetime,
        files: Mapping[str, str],
        parents: Sequence[int] = (),
    ) -> int:
        """Add a commit that writes `files`, path to text, on its first parent; return its mark."""
        self._marks += 1
        identity = f"{who.name} <{who.email}> {int(when.astimezone(UTC).timestamp())} +0000"
        self._line(f"commit {ref}", f"mark :{self._marks}", f"author {identity}", f"committer {identity}")
        self._data(message)
        for word, parent in zip(["from", *["merge"] * len(parents)], parents, strict=False):
            self._line(f"{word} :{parent}")
        for path, text in sorted(files.items()):
            self._line(f"M 100644 inline {path}")
            self._data(text)
        return self._marks

    def point(self, ref: str, mark: int) -> None:
        """Make `ref` name the commit."""
        self._line(f"reset {ref}", f"from :{mark}", "")

    def write(self, where: Path) -> list[str]:
        """Make the repository at `where`, with `main` checked out.

        Returns the hashes of all commits; that of mark N is at place N - 1.
        """
        where.mkdir(parents=True)
        run_git("init", "--quiet", "--initial-branch=main", "--template=", cwd=where)
        with tempfile.TemporaryDirectory(prefix="marks-") as folder:
            marks = Path(folder) / "marks"
            run_git(
                "fast-import",
                "--quiet",
                "--done",
                f"--export-marks={marks}",
                cwd=where,
                stdin=b"".join([*self._stream, b"done\n"]),
            )
            named = dict(line.split() for line in marks.read_text().splitlines())
        run_git("reset", "--quiet", "--hard", "main", cwd=where)
        return [named[f":{mark}"] for mark in range(1, self._marks + 1)]

    def _line(self, *lines: str) -> None:
        self._stream += [line.encode() + b"\n" for line in lines]

    def _data(self, text: str) -> None:
        data = text.encode()
        self._stream += [b"data %d\n" % len(data), data, b"\n"]
