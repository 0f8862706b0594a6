"""Contents of a repository's commits, each kind through one git process."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from worker_agent.git import run_git


def read_diffs(repository: Path, pairs: Sequence[tuple[str, str]], *paths: str) -> list[str]:
    """For each pair of commits (before, after), the diff between them, within `paths` (git's pathspecs)."""
    asked = "".join(f"{after} {before}\n" for before, after in pairs)
    told = run_git(
        "diff-tree",
        "--stdin",
        "-r",
        "-p",
        "--always",
        "--full-index",
        "--no-renames",
        "--format=%x00",
        "--",
        *paths,
        cwd=repository,
        stdin=asked.encode(),
    )
    return [part.lstrip("\n") for part in told.split("\0")[1:]]
