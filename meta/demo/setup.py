"""The demo's house, made on the spot: a small library with a history, its reviews, and the team's agent."""

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
    """Fill the folder `where`, which must not hold a demo yet. `settings` becomes the agent's meta.toml.

    The same hashes every time, as long as the packaged tools and `settings` are the same.
    """
    house = DemoFolders(where.absolute())
    _write_agent(house, settings)
    version = hash_surface(house.surface)
    pulls = write_history(house.project, version)
    write_reviews(house, pulls, version)
    write_demo_tickets(house)
    return house


def _write_agent(house: DemoFolders, settings: str) -> None:
    """The team's agent: its own prompts, which say little, and the tools that come with the worker."""
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
    stream.write(house.agent)
