"""Looking after runs.db: is it whole, is there a copy, does it stay small enough."""

from __future__ import annotations

import contextlib
import sqlite3
from datetime import UTC, datetime, timedelta
from typing import Any

from meta.app import Context
from meta.errors import MetaError
from meta.store.backups import advise_restore, back_up_daily

MAX_CLOCK_LEAD = timedelta(days=30)
"""How far ahead of the last night the clock is believed to be."""


def check_and_back_up(context: Context) -> None:
    """Check runs.db page by page and copy it once a day. Raises `MetaError` that offers a copy when it is damaged."""
    store = context.store
    try:
        found = store.db.conn.execute("pragma quick_check(1)").fetchone()[0]
    except sqlite3.DatabaseError as error:
        found = str(error)
    if found != "ok":
        raise MetaError(f"{store.path} is damaged: {found}", advise_restore(store.path))
    try:
        back_up_daily(store.db.conn, store.path)
    except (OSError, sqlite3.Error) as error:
        context.tell(f"no copy of {store.path.name} could be made: {error}")


def prune_transcripts(context: Context) -> dict[str, Any]:
    """Remove transcripts that are too old or too many, the oldest first. Verdicts, diffs and costs stay for ever."""
    nightly, store = context.settings.nightly, context.store
    limit = _today(context) - timedelta(days=nightly.keep_days)
    # As the clock was when it was made, or any before it: one that was set back for a while makes nothing older.
    made = "select id, max(started_at) over (order by rowid) as at from replays"
    old = f"select t.replay from transcripts t join ({made}) r on r.id = t.replay where r.at < ?"
    removed = store.db.conn.execute(f"delete from transcripts where replay in ({old})", (limit.isoformat(),)).rowcount
    too_many = (
        "select replay from (select t.replay, sum(length(t.events)) over (order by r.rowid desc) as size"
        " from transcripts t join replays r on r.id = t.replay) where size > ?"
    )
    removed += store.db.conn.execute(
        f"delete from transcripts where replay in ({too_many})", (nightly.keep_mb << 20,)
    ).rowcount
    free, pages = (store.db.conn.execute(f"pragma {name}").fetchone()[0] for name in ("freelist_count", "page_count"))
    with contextlib.suppress(sqlite3.OperationalError):  # a reader is at work: another night will do it
        if free > pages / 2:
            store.db.conn.execute("vacuum")
        store.db.conn.execute("pragma wal_checkpoint(truncate)")
    return {"transcripts_removed": removed}


def _today(context: Context) -> datetime:
    """What the clock says, but not more than a month after the night before began: it may have jumped ahead, and what
    is removed does not come back."""
    sql = "select started_at from nights where id <= ? order by id desc limit 2"
    nights = context.store.rows(sql, context.night)
    last = [datetime.fromisoformat(row["started_at"]) for row in nights]
    return min([datetime.now(UTC), *(at + MAX_CLOCK_LEAD for at in last[-1:])])
