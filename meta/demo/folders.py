"""Where the demo's parts are: the project, the reviews, the tickets and the agent."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

DEMO_REPOSITORY = "team/tidybooks"
"""The project's name on a forge."""


@dataclass(frozen=True)
class DemoFolders:
    """The folder that `meta.demo.setup.make_demo` fills."""

    root: Path

    @property
    def project(self) -> Path:
        """The repository that the agent works on, with `refs/pull/*/head`."""
        return self.root / "project"

    @property
    def reviews(self) -> Path:
        """JSONL export of how the agent's pull requests ended; see `feedback.jsonl`."""
        return self.root / "reviews.jsonl"

    @property
    def agent(self) -> Path:
        """The repository that holds the agent, and meta.toml."""
        return self.root / "agent"

    @property
    def surface(self) -> Path:
        return self.agent / "worker_agent"

    @property
    def tickets(self) -> Path:
        """The tickets as JSONL, one `meta.records.ticket.Ticket` a line."""
        return self.root / "tickets.jsonl"
