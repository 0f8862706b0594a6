"""Opens runs.db: creates it on first use, migrates an old one, and refuses one that a newer `meta` wrote."""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from meta.errors import MetaError
from meta.store.backups import advise_restore, back_up
from safeguards.masking import mask_row
from worker_agent.storable import storable_text

if TYPE_CHECKING:
    from sqlite_utils import Database

MAX_INTEGER = 2**63 - 1

BUSY_SECONDS = 10.0
"""How long a write waits while another process is writing."""

EXACT_COLUMNS = frozenset({"id", "key", "source", "ticket", "tickets", "repository", "branch", "cursor", "record"})
"""Columns that are stored as they are: names that rows are found by, and records that are read back and applied.

Secrets are taken out of feedback as it enters its record, and an edit that adds one is never stored.
"""


def open_database(path: Path) -> Database:
    """Open the database at `path`, with the current schema.

    Raises `MetaError` if it is damaged, locked or too new.
    """
    from sqlite_utils import Database

    from meta.store.migrations import migrations

    fresh = not path.exists()
    try:
        connection = sqlite3.connect(path, timeout=BUSY_SECONDS, check_same_thread=False, isolation_level=None)
        connection.execute("pragma journal_mode = wal")
        connection.execute("pragma synchronous = full")
        connection.execute("pragma foreign_keys = on")
        db = Database(connection)
        known = {m.name for m in migrations.pending(Database(memory=True))}  # to a new database, all apply
        if newer := sorted({m.name for m in migrations.applied(db)} - known):
            raise MetaError(
                f"{path} was written by a newer meta (it has {newer[-1]})",
                "upgrade meta, or use another folder; nothing was changed",
            )
        if migrations.pending(db):
            _migrate(db, path, fresh)
        return db
    except (sqlite3.OperationalError, sqlite3.DatabaseError) as error:
        raise explain_database_error(error, path) from None


class RunsDatabase:
    """The open runs.db, for the tables of this package.

    Secrets in what is inserted or updated are masked, except in `EXACT_COLUMNS`.

    Each statement commits by itself and is durable when the call returns; `all_or_nothing` joins several. The threads
    of the one process that writes may share this object.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._db = open_database(path)
        self._writing = threading.RLock()

    @property
    def connection(self) -> sqlite3.Connection:
        connection: sqlite3.Connection = self._db.conn
        return connection

    def close(self) -> None:
        self._db.conn.close()

    @contextlib.contextmanager
    def all_or_nothing(self) -> Iterator[sqlite3.Connection]:
        """Keep everything written inside the block, or nothing.

        A nested block is part of the outer one.
        """
        with self._writing:
            if self.connection.in_transaction:
                yield self.connection
                return
            self._db.conn.execute("begin immediate")
            try:
                yield self._db.conn
                self._db.conn.execute("commit")
            except BaseException:
                if self._db.conn.in_transaction:
                    self._db.conn.execute("rollback")
                raise

    def rows(self, sql: str, *values: object) -> list[dict[str, Any]]:
        """Return all rows of a query."""
        return list(self._db.query(sql, values))

    def row(self, sql: str, *values: object) -> dict[str, Any] | None:
        """Return the first row of a query, if there is one."""
        return next(iter(self.rows(sql, *values)), None)

    def value(self, sql: str, *values: object) -> Any:
        """Return the first column of the first row; `None` without a row."""
        found = self._db.conn.execute(sql, values).fetchone()
        return found[0] if found else None

    def insert(
        self, table: str, row: Mapping[str, object], *, replace: bool = False, exact: Collection[str] = ()
    ) -> int:
        """Add a row, and return its row id.

        With `replace` it takes the place of a row with the same key. `exact` names more columns to store as they are.
        What the database cannot hold is made to fit, so that no row is lost for one of its values.
        """
        masked = mask_row(row, EXACT_COLUMNS.union(exact))
        fitting = {name: make_fit(value) for name, value in masked.items()}
        with self._writing:
            return int(self._db.table(table).insert(fitting, replace=replace).last_rowid or 0)

    def update(self, table: str, row_id: object, changes: Mapping[str, object]) -> None:
        """Change columns of the row with this id."""
        masked = mask_row(changes, EXACT_COLUMNS)
        self.execute(
            f"update {table} set {', '.join(f'{n} = ?' for n in masked)} where id = ?", *masked.values(), row_id
        )

    def execute(self, sql: str, *values: object) -> int:
        """Run one statement, and return the number of rows that it changed. Its values are stored as they are."""
        with self._writing:
            return self.connection.execute(sql, tuple(map(make_fit, values))).rowcount

    def execute_each(self, sql: str, rows: Iterable[Sequence[object]]) -> None:
        """Run one statement for each of these rows, all or none of them."""
        with self.all_or_nothing() as connection:
            connection.executemany(sql, rows)


def make_fit(value: object) -> object:
    """Return a value that SQLite can hold: text in UTF-8, integers of 64 bits."""
    if isinstance(value, int):
        return max(-MAX_INTEGER, min(value, MAX_INTEGER))
    return storable_text(value)


def _migrate(db: Database, path: Path, fresh: bool) -> None:
    """Apply all pending migrations or none, after a copy.

    When several processes open an old file at once, one of them migrates it.
    """
    from meta.store.migrations import migrations

    db.conn.execute("begin immediate")
    try:
        if not fresh and migrations.pending(db):
            with closing(sqlite3.connect(path)) as reader:  # an open transaction cannot be copied from
                back_up(reader, path, "before-migration")
        migrations.apply(db)
        db.conn.execute("commit")
    except BaseException:
        if db.conn.in_transaction:
            db.conn.execute("rollback")
        raise


def explain_database_error(error: sqlite3.Error, path: Path) -> MetaError:
    """Explain a database error, and say what to do."""
    words = str(error)
    if "locked" in words or "busy" in words:
        return MetaError(
            f"another program has kept {path} locked for {BUSY_SECONDS:g} s",
            "close that program and try again; nothing was lost",
        )
    if "not a database" in words or "malformed" in words:
        return MetaError(
            f"{path} is damaged or not an SQLite database ({words})",
            advise_restore(path),
        )
    if "disk is full" in words:
        return MetaError(f"the disk is full: cannot write {path}", "free some space and try again")
    return MetaError(f"{path}: {words}", "check that the folder exists and is writable")
