"""Opening runs.db: made on first run, migrated by name, refused when a newer `meta` wrote it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from meta.errors import MetaError
from meta.store.backups import advise_restore, back_up

if TYPE_CHECKING:
    from sqlite_utils import Database

BUSY_SECONDS = 10.0
"""How long a write waits for another process that is writing."""


def open_database(path: Path) -> Database:
    """The database at `path` with today's schema. Raises `MetaError` when it is damaged, locked or too new."""
    from sqlite_utils import Database

    from meta.store.migrations import migrations

    fresh = not path.exists()
    try:
        connection = sqlite3.connect(path, timeout=BUSY_SECONDS, check_same_thread=False, isolation_level=None)
        connection.execute("pragma journal_mode = wal")
        connection.execute("pragma synchronous = full")
        connection.execute("pragma foreign_keys = on")
        db = Database(connection)
        known = {m.name for m in migrations._migrations}
        if newer := sorted({m.name for m in migrations.applied(db)} - known):
            raise MetaError(
                f"{path} was written by a newer meta (it has {newer[-1]})",
                "upgrade this one, or use another folder; nothing was changed",
            )
        if migrations.pending(db):
            _migrate(db, path, fresh)
        return db
    except (sqlite3.OperationalError, sqlite3.DatabaseError) as error:
        raise explain_database_error(error, path) from None


def _migrate(db: Database, path: Path, fresh: bool) -> None:
    """All that is pending or nothing of it, after a copy. Of several that open an old file at once, one does it."""
    from meta.store.migrations import migrations

    db.conn.execute("begin immediate")
    try:
        if not fresh and migrations.pending(db):
            with closing(sqlite3.connect(path)) as reader:  # who has begun to write cannot be copied from
                back_up(reader, path, "before-migration")
        migrations.apply(db)
        db.conn.execute("commit")
    except BaseException:
        if db.conn.in_transaction:
            db.conn.execute("rollback")
        raise


def explain_database_error(error: sqlite3.Error, path: Path) -> MetaError:
    """A database error in words, with what to do."""
    words = str(error)
    if "locked" in words or "busy" in words:
        return MetaError(
            f"{path} is locked by another program, and stayed so for {BUSY_SECONDS:g} s",
            "close what is writing to it and start again; nothing was lost",
        )
    if "not a database" in words or "malformed" in words:
        return MetaError(
            f"{path} is damaged or no SQLite database ({words})",
            advise_restore(path),
        )
    if "disk is full" in words:
        return MetaError(f"the disk is full; {path} could not be written", "make room and start again")
    return MetaError(f"{path}: {words}", "check that the folder exists and can be written")
