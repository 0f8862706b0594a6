"""Reads files of a commit without a checkout."""

from __future__ import annotations

import codecs
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from worker_agent.git import GitError, run_git, run_git_bytes

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # begins as UTF-16's does, so it comes first
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


@dataclass(frozen=True)
class CommitTree:
    """The files of one commit; paths are relative, with "/" between parts."""

    repository: Path
    commit: str

    @cached_property
    def files(self) -> frozenset[str]:
        """Every file; links and submodules are left out."""
        listed = run_git("ls-tree", "-r", "-z", "--full-tree", self.commit, cwd=self.repository)
        found = []
        for line in listed.split("\0"):
            about, _, path = line.partition("\t")
            if about.startswith("100"):
                found.append(path)
        return frozenset(found)

    def bytes(self, path: str) -> bytes | None:
        """Return a file's content; `None` where it is missing."""
        try:
            return run_git_bytes("cat-file", "blob", f"{self.commit}:{path}", cwd=self.repository)
        except GitError:
            return None

    def text(self, path: str) -> str:
        """Return a file's content as text; empty where it is missing.

        It is UTF-8 unless it begins with the byte order mark of another encoding, as what PowerShell writes does.
        """
        content = self.bytes(path) or b""
        for mark, encoding in _MARKS:
            if content.startswith(mark):
                return content.decode(encoding, "replace")
        return content.decode("utf-8", "replace")

    def having(self, names: Iterable[str]) -> list[str]:
        """Return those of the names that are files here, in the order given."""
        return [name for name in names if name in self.files]
