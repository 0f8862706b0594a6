"""The store: one object for each table, with the questions that the loop asks of it."""

from __future__ import annotations

import contextlib
import sqlite3
from contextlib import AbstractContextManager
from pathlib import Path

from meta.store.backups import back_up_daily
from meta.store.calls import CallLedger
from meta.store.candidates import Candidates
from meta.store.database import RunsDatabase
from meta.store.gate_tests import GateTests
from meta.store.incumbents import Incumbents
from meta.store.nights import Nights
from meta.store.outcomes import Outcomes
from meta.store.proposals import Proposals
from meta.store.replays import Replays
from meta.store.tickets import Tickets
from meta.store.transcripts import Transcripts


class Store:
    """runs.db as the loop sees it. Each write is durable when the call returns.

    One process writes; its threads may share the store.
    """

    def __init__(self, path: Path) -> None:
        """Open runs.db at `path`; create or migrate it if needed.

        Raises `MetaError` if it cannot be used.
        """
        self.path = path
        self._db = RunsDatabase(path)
        self.tickets = Tickets(self._db)
        self.transcripts = Transcripts(self._db)
        self.incumbents = Incumbents(self._db)
        self.replays = Replays(self._db, self.transcripts, self.incumbents)
        self.candidates = Candidates(self._db)
        self.gate_tests = GateTests(self._db)
        self.proposals = Proposals(self._db)
        self.nights = Nights(self._db)
        self.outcomes = Outcomes(self._db)
        self.calls = CallLedger(path)

    def close(self) -> None:
        """Close the file."""
        self.calls.close()
        self._db.close()

    def all_or_nothing(self) -> AbstractContextManager[object]:
        """Keep everything written inside the block, or nothing.

        The ledger of model calls is not part of this.
        """
        return self._db.all_or_nothing()

    def find_damage(self) -> str:
        """Check every page of the file, and return what is wrong, or an empty text."""
        try:
            found = str(self._db.value("pragma quick_check(1)"))
        except sqlite3.DatabaseError as error:
            return str(error)
        return "" if found == "ok" else found

    def back_up_daily(self) -> str:
        """Copy runs.db once a day. Returns what went wrong, or an empty text."""
        try:
            back_up_daily(self._db.connection, self.path)
        except (OSError, sqlite3.Error) as error:
            return str(error)
        return ""

    def compact(self) -> None:
        """Return freed space to the disk.

        While somebody is reading, this does nothing: another night will do it.
        """
        with contextlib.suppress(sqlite3.OperationalError):
            if self._db.value("pragma freelist_count") > self._db.value("pragma page_count") / 2:
                self._db.execute("vacuum")
            self._db.execute("pragma wal_checkpoint(truncate)")

    def skip_disk_sync(self) -> None:
        """Stop waiting for the disk, for a database that is about to be thrown away."""
        self._db.execute("pragma synchronous = off")
