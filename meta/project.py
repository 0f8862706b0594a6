"""What every command knows: the settings, the paths, and where progress goes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from meta.disk.cache import Cache
from meta.settings import Settings

Report = Callable[[str], None]
"""Receives one line of progress for a person."""


def ignore_report(line: str) -> None:
    """Discard a line of progress."""


@dataclass(frozen=True)
class Project:
    """One team's project, as its meta.toml describes it."""

    settings: Settings
    report: Report = ignore_report

    @property
    def database(self) -> Path:
        return self.settings.database

    @property
    def cache(self) -> Cache:
        return Cache(self.settings.cache)

    @property
    def agent_repository(self) -> Path:
        return self.settings.agent_repository
