"""The store: one object a table, each with the questions that the loop asks of it."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from meta.records.replay import Replay
from meta.records.ticket import Admission, Ticket
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
from worker_agent.records import Event


class Store:
    """runs.db as the loop sees it. Each write is durable when the call returns.

    One process writes; the threads of that process may share the store.
    """

    def __init__(self, path: Path) -> None:
        """Open runs.db at `path`, made or migrated where needed. Raises `MetaError` when it cannot be used."""
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
        self.calls.close()
        self._db.close()

    def all_or_nothing(self) -> AbstractContextManager[object]:
        """Keep everything that is written inside the block, or nothing of it. Calls of models are no part of it."""
        return self._db.all_or_nothing()

    def find_damage(self) -> str:
        """What is wrong with the file, by a look at every page; empty when it is whole."""
        try:
            found = str(self._db.value("pragma quick_check(1)"))
        except sqlite3.DatabaseError as error:
            return str(error)
        return "" if found == "ok" else found

    def back_up_daily(self) -> None:
        """Copy runs.db beside itself unless there is a copy of today. Raises `OSError` or `sqlite3.Error`."""
        back_up_daily(self._db.connection, self.path)

    def compact(self) -> None:
        """Give space that was freed back to the disk, unless a reader is at work: another night will do it."""
        with contextlib.suppress(sqlite3.OperationalError):
            if self._db.value("pragma freelist_count") > self._db.value("pragma page_count") / 2:
                self._db.execute("vacuum")
            self._db.execute("pragma wal_checkpoint(truncate)")

    def skip_disk_sync(self) -> None:
        """Stop waiting for the disk: for a record that is thrown away in a moment."""
        self._db.execute("pragma synchronous = off")

    # For callers of before; goes away.

    @property
    def db(self) -> Any:
        return self._db._db

    @property
    def ledger(self) -> CallLedger:
        return self.calls

    def rows(self, sql: str, *values: object) -> list[dict[str, Any]]:
        return self._db.rows(sql, *values)

    def one(self, sql: str, *values: object) -> dict[str, Any] | None:
        return self._db.row(sql, *values)

    def write(self, sql: str, *values: object) -> int:
        return int(self.db.conn.execute(sql, values).lastrowid or 0)

    def add_ticket(self, ticket: Ticket) -> bool:
        return self.tickets.add(ticket)

    def admit(self, ticket: Ticket, admission: Admission) -> None:
        self.tickets.admit(ticket, admission)

    def ticket(self, ticket_id: str) -> Ticket | None:
        return self.tickets.find(ticket_id)

    def set_held_out(self, ids: Iterable[str], held_out: bool) -> None:
        self.tickets.move_to_search(ids)

    def served(self, ids: Iterable[str]) -> None:
        self.tickets.count_decision(ids)

    def cursor(self, source: str) -> str | None:
        return self.outcomes.cursor(source)

    def set_cursor(self, source: str, cursor: str) -> None:
        self.outcomes.set_cursor(source, cursor)

    def add_replay(
        self, replay: Replay, events: Sequence[Event] = (), night: int | None = None, promotion: int | None = None
    ) -> None:
        self.replays.add(replay, events, night, promotion)

    def transcript(self, replay_id: str) -> list[Event]:
        return self.transcripts.of_replay(replay_id)

    def incumbent(self) -> dict[str, Any] | None:
        return self.one("select * from incumbents order by id desc limit 1")

    def promote(self, version: str, model: str, proposal: int | None = None) -> int:
        return self.incumbents.promote(version, model, proposal)
