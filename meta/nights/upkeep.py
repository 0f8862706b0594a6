"""Looking after runs.db: is it whole, is there a copy, does it stay small enough."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime, timedelta
from typing import Any

from meta.app import Context
from meta.errors import MetaError
from meta.store.backups import advise_restore

MAX_CLOCK_LEAD = timedelta(days=30)
"""How far ahead of the last night the clock is believed to be."""


def check_and_back_up(context: Context) -> None:
    """Check runs.db page by page and copy it once a day. Raises `MetaError` that offers a copy when it is damaged."""
    store = context.store
    if damage := store.find_damage():
        raise MetaError(f"{store.path} is damaged: {damage}", advise_restore(store.path))
    try:
        store.back_up_daily()
    except (OSError, sqlite3.Error) as error:
        context.tell(f"no copy of {store.path.name} could be made: {error}")


def prune_transcripts(context: Context) -> dict[str, Any]:
    """Remove transcripts that are too old or too many, the oldest first. Verdicts, diffs and costs stay for ever."""
    nightly, store = context.settings.nightly, context.store
    limit = _today(context) - timedelta(days=nightly.keep_days)
    removed = store.transcripts.remove_older_than(limit.isoformat())
    removed += store.transcripts.remove_beyond(nightly.keep_mb << 20)
    store.compact()
    return {"transcripts_removed": removed}


def _today(context: Context) -> datetime:
    """What the clock says, but not more than a month after the night before began: it may have jumped ahead, and what
    is removed does not come back."""
    last = context.store.nights.start_of_previous(context.night) if context.night else None
    return min(datetime.now(UTC), last + MAX_CLOCK_LEAD) if last else datetime.now(UTC)
