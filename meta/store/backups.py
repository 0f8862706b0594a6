"""Copies of runs.db, in the same folder: before each migration, and once a day when a night begins."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from datetime import datetime
from pathlib import Path

DAILY_SUFFIX = "backup"
"""runs.db.backup is the newest copy, runs.db.backup.1 the one before."""

DAILY_HOURS = 20.0


def back_up(connection: sqlite3.Connection, path: Path, name: str) -> Path:
    """Copy the database at `path` to a file beside it, and return that file.

    `name` is what the copy has after the dot. It is made whole or not at all.
    """
    copy, half = path.with_name(f"{path.name}.{name}"), path.with_name(f"{path.name}.copying")
    half.unlink(missing_ok=True)
    target = sqlite3.connect(half)
    try:
        connection.backup(target)
    finally:
        target.close()
    half.replace(copy)
    return copy


def back_up_daily(connection: sqlite3.Connection, path: Path) -> None:
    """Copy the database once a day, and keep the previous copy.

    The caller has checked that the database is whole.
    """
    copy = path.with_name(f"{path.name}.{DAILY_SUFFIX}")
    if copy.exists():
        if (
            abs(time.time() - copy.stat().st_mtime) < DAILY_HOURS * 3600
        ):  # also a copy from tomorrow: the clock was wrong
            return
        copy.replace(path.with_name(f"{path.name}.{DAILY_SUFFIX}.1"))
    back_up(connection, path, DAILY_SUFFIX)


def advise_restore(path: Path) -> str:
    """Say how to restore a damaged database from its best copy.

    That is the undamaged copy with the most replays; the newest by date may be another one if the clock was wrong.
    """
    best: tuple[int, float, Path] | None = None
    for copy in path.parent.glob(f"{path.name}.b*"):
        try:
            with closing(sqlite3.connect(f"file:{copy}?mode=ro", uri=True)) as db:
                whole = db.execute("pragma quick_check(1)").fetchone()[0] == "ok"
                replays = db.execute("select count(*) from replays").fetchone()[0]
        except sqlite3.Error:
            continue
        if whole:
            best = max(best or (-1, 0.0, copy), (replays, copy.stat().st_mtime, copy))
    if best is None:
        return f"no undamaged copy was found; move {path.name} away to start over"
    replays, at, copy = best
    when = datetime.fromtimestamp(at).isoformat(" ", "minutes")
    return (
        f"move {path.name}, {path.name}-wal and {path.name}-shm away, then `cp {copy.name} {path.name}`: "
        f"that copy of {when} is whole and holds {replays} replays"
    )
