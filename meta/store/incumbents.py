"""Incumbents: which version has been in use since when. The newest row is in use."""

from __future__ import annotations

from meta.records.record import Record
from meta.store.database import RunsDatabase
from meta.store.definitions import take_timestamp


class Incumbent(Record):
    """A promotion: a version that was put in use."""

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
        """The newest promotion; `None` before the first."""
        row = self._db.row("select * from incumbents order by id desc limit 1")
        return Incumbent(**row) if row else None

    def promote(self, version: str, model: str, proposal: int | None = None) -> int:
        """Put a version in use. Draws of the incumbent from before this no longer count as evidence.

        Returns the number of the promotion.
        """
        return self._db.insert(
            "incumbents", {"version": version, "model": model, "since": take_timestamp(), "proposal": proposal}
        )
