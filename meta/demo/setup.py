"""Makes the demo on the spot: a library with a history, its reviews, and an agent."""

from __future__ import annotations

from datetime import timedelta
from importlib.resources import files
from pathlib import Path

import worker_agent
from meta.demo.demo_tickets import write_demo_tickets
from meta.demo.fast_import import FastImport
from meta.demo.folders import DemoFolders
from meta.demo.past import HISTORY_START, PEOPLE, read_text_files, write_history
from meta.demo.reviews import write_reviews
from worker_agent.surface import hash_surface


def make_demo(where: Path, settings: str = "") -> DemoFolders:
    """Fill the folder `where`, which must not hold a demo yet.

    `settings` becomes the agent's meta.toml. The hashes are the same every time, as long as `settings` and the packaged
    tools are the same.
    """
    folders = DemoFolders(where.absolute())
    _write_agent(folders, settings)
    version = hash_surface(folders.surface)
    pulls = write_history(folders.project, version)
    write_reviews(folders, pulls, version)
    write_demo_tickets(folders)
    return folders


def _write_agent(folders: DemoFolders, settings: str) -> None:
    """Write the agent: prompts that say little, and the tools that come with the worker."""
    surface = read_text_files(files(__package__) / "agent")
    tools = read_text_files(files(worker_agent) / "tools")
    surface |= {f"tools/{name}": text for name, text in tools.items() if name.endswith(".py")}
    stream = FastImport()
    stream.commit(
        "refs/heads/main",
        "The team's agent\n",
        PEOPLE["nadia"],
        HISTORY_START - timedelta(days=2),
        {f"worker_agent/{path}": text for path, text in surface.items()}
        | {"meta.toml": settings, ".gitignore": "runs.db*\n.meta/\n"},
    )
    stream.write(folders.agent)
