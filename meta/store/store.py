"""What the loop reads and writes, by concept. Each write is durable when the call returns."""

from __future__ import annotations

import json
import sqlite3
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from feedback.outcome import Outcome
from meta.records.replay import Replay
from meta.records.ticket import Admission, Ticket
from meta.store.calls import Ledger
from meta.store.database import open_database
from meta.store.definitions import take_timestamp
from worker_agent.records import Event, Usage


class Store:
    """runs.db as the loop sees it. One process writes; it may be shared by the threads of that process."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.db = open_database(path)
        self.ledger = Ledger(path)

    def close(self) -> None:
        self.ledger.close()
        self.db.conn.close()

    @contextmanager
    def all_or_nothing(self) -> Iterator[sqlite3.Connection]:
        """Everything that is written inside the block, or nothing of it. Each statement outside is its own."""
        connection = self.db.conn
        connection.execute("begin immediate")
        try:
            yield connection
            connection.execute("commit")
        except BaseException:
            if connection.in_transaction:
                connection.execute("rollback")
            raise

    def rows(self, sql: str, *values: object) -> list[dict[str, Any]]:
        return list(self.db.query(sql, values))

    def one(self, sql: str, *values: object) -> dict[str, Any] | None:
        return next(iter(self.rows(sql, *values)), None)

    def write(self, sql: str, *values: object) -> int:
        """Run one statement in its own transaction; returns the row id of an insert."""
        return int(self.db.conn.execute(sql, values).lastrowid or 0)

    # Tickets.

    def add_ticket(self, ticket: Ticket) -> bool:
        """Keep a ticket; a changed one of the same id has to prove itself anew. Returns whether anything changed."""
        text = ticket.model_dump_json()
        known = self.one("select record from tickets where id = ?", ticket.id)
        if known and known["record"] == text:
            return False
        self.write(
            "insert into tickets (id, title, status, source, added_at, record) values (?, ?, 'new', ?, ?, ?)"
            " on conflict (id) do update set title = excluded.title, status = 'new', reason = '',"
            " source = excluded.source, record = excluded.record",
            ticket.id,
            ticket.title,
            ticket.source,
            take_timestamp(),
            text,
        )
        return True

    def admit(self, ticket: Ticket, admission: Admission) -> None:
        """Record how a ticket proved itself; its grader may have become smaller."""
        self.write(
            "update tickets set status = ?, reason = ?, record = ? where id = ?",
            admission.status,
            admission.reason,
            ticket.model_dump_json(),
            ticket.id,
        )

    def tickets(self, status: str | None = None, held_out: bool | None = None) -> list[Ticket]:
        where, values = ["1"], list[object]()
        if status:
            where.append("status = ?")
            values.append(status)
        if held_out is not None:
            where.append("held_out = ?")
            values.append(int(held_out))
        sql = f"select record from tickets where {' and '.join(where)} order by added_at, id"
        return [Ticket.model_validate_json(row["record"]) for row in self.rows(sql, *values)]

    def ticket(self, ticket_id: str) -> Ticket | None:
        row = self.one("select record from tickets where id = ?", ticket_id)
        return Ticket.model_validate_json(row["record"]) if row else None

    def set_held_out(self, ids: Iterable[str], held_out: bool) -> None:
        with self.all_or_nothing() as connection:
            connection.executemany("update tickets set held_out = ? where id = ?", [(int(held_out), i) for i in ids])

    def served(self, ids: Iterable[str]) -> None:
        """Count one gate decision for each of these held-out tickets."""
        with self.all_or_nothing() as connection:
            connection.executemany("update tickets set decisions = decisions + 1 where id = ?", [(i,) for i in ids])

    # Feedback.

    def outcomes(self) -> list[Outcome]:
        return [Outcome.model_validate_json(r["record"]) for r in self.rows("select record from feedback order by key")]

    def cursor(self, source: str) -> str | None:
        row = self.one("select cursor from cursors where source = ?", source)
        return str(row["cursor"]) if row else None

    def set_cursor(self, source: str, cursor: str) -> None:
        self.write(
            "insert or replace into cursors (source, cursor, at) values (?, ?, ?)", source, cursor, take_timestamp()
        )

    # Replays.

    def add_replay(
        self, replay: Replay, events: Sequence[Event] = (), night: int | None = None, promotion: int | None = None
    ) -> None:
        """Keep a finished replay and its transcript, both or neither."""
        u = replay.usage
        with self.all_or_nothing() as connection:
            connection.execute(
                f"insert into replays values ({', '.join('?' * 24)})",
                (
                    replay.id,
                    replay.ticket,
                    replay.version,
                    replay.purpose,
                    replay.verdict,
                    replay.reason,
                    replay.ended,
                    replay.candidate,
                    night,
                    promotion,
                    replay.model,
                    u.calls,
                    u.input_tokens,
                    u.output_tokens,
                    u.cache_read_tokens,
                    u.cache_write_tokens,
                    u.usd,
                    replay.seconds,
                    replay.grading_seconds,
                    replay.started_at,
                    replay.diff,
                    replay.summary,
                    replay.asked,
                    replay.tests_passed,
                ),
            )
            lines = "\n".join(json.dumps(e, ensure_ascii=False) for e in events).encode("utf-8", "replace")
            connection.execute("insert into transcripts values (?, ?)", (replay.id, zlib.compress(lines)))

    def replays(self, where: str = "1", *values: object) -> list[Replay]:
        """Replays in the order they were made; `where` is SQL on the table's columns."""
        return [_replay(row) for row in self.rows(f"select * from replays where {where} order by rowid", *values)]

    def transcript(self, replay_id: str) -> list[Event]:
        row = self.one("select events from transcripts where replay = ?", replay_id)
        lines = zlib.decompress(row["events"]).decode() if row else ""
        return [json.loads(line) for line in lines.splitlines()]

    # Incumbents.

    def incumbent(self) -> dict[str, Any] | None:
        """The newest promotion: `id, version, model, since, proposal`."""
        return self.one("select * from incumbents order by id desc limit 1")

    def promote(self, version: str, model: str, proposal: int | None = None) -> int:
        """Put a version in use. Draws of the incumbent made before this no longer count as evidence."""
        return self.write(
            "insert into incumbents (version, model, since, proposal) values (?, ?, ?, ?)",
            version,
            model,
            take_timestamp(),
            proposal,
        )


def _replay(row: dict[str, Any]) -> Replay:
    usage = {name: row[name] for name in Usage.model_fields}
    return Replay(usage=Usage(**usage), **{name: row[name] for name in Replay.model_fields if name != "usage"})
