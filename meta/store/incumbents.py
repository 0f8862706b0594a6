"""Incumbents: which version was put in use, and when. The newest one is in use."""

from __future__ import annotations

from meta.records.record import Record
from meta.store.database import RunsDatabase
from meta.store.definitions import take_timestamp


class Incumbent(Record):
    """One promotion: a version that was put in use."""

    id: int
    version: str
    model: str
    since: str
    proposal: int | None = None
    """The proposal that led to it; `None` where it was found at HEAD."""


class Incumbents:
    """The table `incumbents`."""

    def __init__(self, database: RunsDatabase) -> None:
        self._db = database

    def current(self) -> Incumbent | None:
        """Return the newest promotion; `None` before the first one."""
        row = self._db.row("select * from incumbents order by id desc limit 1")
        return Incumbent(**row) if row else None

    def promote(self, version: str, model: str, proposal: int | None = None) -> int:
        """Put a version in use, and return the number of this promotion.

        Draws of the incumbent from before it no longer count as evidence.
        """
        return self._db.insert(
            "incumbents", {"version": version, "model": model, "since": take_timestamp(), "proposal": proposal}
        )
