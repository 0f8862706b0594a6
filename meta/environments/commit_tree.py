"""Reads files of a commit without a checkout."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from worker_agent.git import GitError, run_git, run_git_bytes


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
        """Return a file's content as text; empty where it is missing."""
        return (self.bytes(path) or b"").decode("utf-8", "replace")

    def having(self, names: Iterable[str]) -> list[str]:
        """Return those of the names that are files here, in the order given."""
        return [name for name in names if name in self.files]
