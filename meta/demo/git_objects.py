"""Reads many diffs or files of a repository with one git process."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from worker_agent.git import run_git


def read_diffs(repository: Path, pairs: Sequence[tuple[str, str]], *paths: str) -> list[str]:
    """Return the diff of each pair of commits (before, after), within git's pathspecs."""
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
