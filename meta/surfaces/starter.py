"""The first version of an agent, for a team that has none: a copy of the worker that comes with `meta`."""

from __future__ import annotations

import shutil
from pathlib import Path

from worker_agent.git import GitError, run_git
from worker_agent.surface import DEFAULT_ROOT, list_surface_files

IGNORED_FILES = ("runs.db*", ".meta/")
"""What `meta` keeps beside the agent, and git must not."""


def copy_starter_agent(surface: Path) -> None:
    """Copy agent.toml, prompts/ and tools/ of the installed worker to the folder `surface`, which must not exist."""
    for path in list_surface_files(DEFAULT_ROOT):
        (surface / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(DEFAULT_ROOT / path, surface / path)


def ignore_records(folder: Path) -> bool:
    """Add what `meta` keeps here to .gitignore; returns whether a line was missing."""
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
    """Make the folder a git repository, without a commit: the first one is the person's."""
    run_git("init", "--quiet", "--initial-branch=main", cwd=folder)
