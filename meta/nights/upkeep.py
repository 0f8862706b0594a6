"""Look after runs.db: check it, copy it, keep it small."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from meta.errors import MetaError
from meta.nights.stages import StageResult
from meta.project import Report
from meta.records.account import Night
from meta.settings import NightlySettings
from meta.store.backups import advise_restore
from meta.store.store import Store

MAX_CLOCK_LEAD = timedelta(days=30)
"""How far ahead of the previous night the clock is believed to be."""


def check_and_back_up(store: Store, report: Report) -> None:
    """Check runs.db page by page and copy it once a day.

    Raises `MetaError` when it is damaged, with the copy to restore. A copy that cannot be made is only reported.
    """
    if damage := store.find_damage():
        raise MetaError(f"{store.path} is damaged: {damage}", advise_restore(store.path))
    if problem := store.back_up_daily():
        report(f"cannot make a copy of {store.path.name}: {problem}")


def prune_transcripts(store: Store, night: Night, nightly: NightlySettings) -> StageResult:
    """Remove transcripts that are too old or too many, the oldest first.

    Verdicts, diffs and costs are kept for ever. The clock is not believed where it is more than a month ahead of the
    previous night: it may have jumped, and what is removed does not come back.
    """
    today, previous = datetime.now(UTC), store.nights.start_of_previous(night.id)
    if previous:
        today = min(today, previous + MAX_CLOCK_LEAD)
    removed = store.transcripts.remove_older_than((today - timedelta(days=nightly.keep_days)).isoformat())
    removed += store.transcripts.remove_beyond(nightly.keep_mb << 20)
    store.compact()
    return {"transcripts_removed": removed}
