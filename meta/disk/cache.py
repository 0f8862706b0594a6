"""The layout of `.meta`.

All of it can be deleted whenever no command runs; it is rebuilt when needed.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from worker_agent.foreign_tree import remove_tree

HALF_MADE_PATTERNS = ("*/.making-*", "environments/.export-*", "environments/specs/.making-*")
"""What a killed process leaves behind in the cache."""


@dataclass(frozen=True)
class Cache:
    """The paths of the cache's parts."""

    root: Path

    @property
    def templates(self) -> Path:
        """Base trees of tickets."""
        return self.root / "templates"

    @property
    def environments(self) -> Path:
        """Environments that the tests of repositories run in."""
        return self.root / "environments"

    @property
    def versions(self) -> Path:
        """The agent's versions, laid out as files."""
        return self.root / "versions"

    @property
    def selftest(self) -> Path:
        """The record of the newest self-test with real replays."""
        return self.root / "selftest"

    def scratch(self) -> Path:
        """Return the folder for work in progress, and create it if it is missing."""
        folder = self.root / "scratch"
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def remove_half_made(self) -> None:
        """Remove what a killed process left behind."""
        for pattern in HALF_MADE_PATTERNS:
            for half_made in self.root.glob(pattern):
                remove_tree(half_made)
