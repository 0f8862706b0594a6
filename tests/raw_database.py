"""runs.db behind the store's back: to see what is really in the file, and to change it as a forger or a crash would."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any


def run_raw(database: Path, sql: str, *values: object) -> list[tuple[Any, ...]]:
    """Run one statement on a connection of its own; returns its rows."""
    with closing(sqlite3.connect(database, isolation_level=None)) as connection:
        return connection.execute(sql, values).fetchall()
