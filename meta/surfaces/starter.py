"""Creates a first agent, for a team without one, from the worker in `meta`."""

from __future__ import annotations

import shutil
from pathlib import Path

from worker_agent.git import GitError, run_git
from worker_agent.surface import DEFAULT_ROOT, list_surface_files

IGNORED_FILES = ("runs.db*", ".meta/")
"""Files of `meta` in the agent's repository that git must ignore."""


def copy_starter_agent(surface: Path) -> None:
    """Copy the installed worker's agent.toml, prompts/ and tools/ to `surface`.

    The folder must not exist.
    """
    for path in list_surface_files(DEFAULT_ROOT):
        (surface / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(DEFAULT_ROOT / path, surface / path)


def ignore_records(folder: Path) -> bool:
    """Add `meta`'s own files to .gitignore; return whether a line was missing."""
    path = folder / ".gitignore"
    text = path.read_text("utf-8") if path.exists() else ""
    missing = [name for name in IGNORED_FILES if name not in text.splitlines()]
    if missing:
        begun = text if not text or text.endswith("\n") else f"{text}\n"
        path.write_text(begun + "".join(f"{name}\n" for name in missing), "utf-8")
    return bool(missing)


def enclosing_repository(folder: Path) -> Path | None:
    """Return the root of the git repository that the folder is in, or None."""
    try:
        return Path(run_git("rev-parse", "--show-toplevel", cwd=folder).strip())
    except GitError:
        return None


def make_repository(folder: Path) -> None:
    """Make the folder a git repository, and leave the first commit to the person."""
    run_git("init", "--quiet", "--initial-branch=main", cwd=folder)
