"""Which stages of a night are done, in runs.db: a night that was killed goes on after the last of them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from meta.records.candidate import Edit, EditDraft
from meta.store import nights
from meta.store.definitions import take_timestamp
from meta.store.store import Store

STAGE_BEGUN, STAGE_REPORT = "begun", "report"
"""The first and the last stage: a night is over when its report is done."""


def resume_or_open(store: Store, budget: int) -> tuple[int, bool]:
    """The night to work on and whether it was begun before: the newest one without a report, else a new one."""
    row = store.one(
        "select night from stages where stage = ? and night not in (select night from stages where stage = ?)"
        " order by night desc limit 1",
        STAGE_BEGUN,
        STAGE_REPORT,
    )
    if row:
        return int(row["night"]), True
    night, resumed = find_or_open_night(store, budget)
    finish_stage(store, night, STAGE_BEGUN)
    return night, resumed


def finish_stage(store: Store, night: int, stage: str, detail: dict[str, Any] | None = None) -> None:
    """Write down that a stage is done and what came of it."""
    store.write(
        "insert or replace into stages (night, stage, done_at, detail) values (?, ?, ?, ?)",
        night,
        stage,
        take_timestamp(),
        json.dumps(detail or {}),
    )


def stage_results(store: Store, night: int) -> dict[str, dict[str, Any]]:
    """What came of each stage that is done, in the order in which they were."""
    rows = store.rows("select stage, detail from stages where night = ? order by rowid", night)
    return {row["stage"]: json.loads(row["detail"]) for row in rows}


def is_tuned(store: Store, night: int) -> bool:
    """Whether the night's tuning has come to its end."""
    row = store.one("select ended_at from nights where id = ?", night)
    return bool(row and row["ended_at"])


# Nights.


def find_or_open_night(store: Store, budget: int) -> tuple[int, bool]:
    """The night to work on and whether it was begun before: an unfinished one is taken up again."""
    row = store.one("select id from nights where ended_at is null order by id desc limit 1")
    if row:
        return int(row["id"]), True
    sql = "insert into nights (started_at, budget, stage) values (?, ?, 'begun')"
    return store.write(sql, take_timestamp(), budget), False


def set_stage(store: Store, night: int, stage: str) -> None:
    store.write("update nights set stage = ? where id = ?", stage, night)


def end_night(store: Store, night: int, report: dict[str, Any]) -> None:
    store.write(
        "update nights set ended_at = ?, stage = 'ended', report = ? where id = ?",
        take_timestamp(),
        json.dumps(report),
        night,
    )


STAGE_DRAFTS = "drafts"


def save_drafts(store: Store, night: int, drafts: Sequence[EditDraft]) -> None:
    """Write down the drafts of a night, in their order."""
    kept = [
        {"title": d.title, "edit": d.edit.model_dump(mode="json") if d.edit else None, "problem": d.problem}
        for d in drafts
    ]
    nights.finish_stage(store, night, STAGE_DRAFTS, {"drafts": kept})


def find_drafts(store: Store, night: int) -> list[EditDraft] | None:
    """The drafts of a night; `None` when nobody has been asked yet."""
    detail = nights.stage_results(store, night).get(STAGE_DRAFTS)
    if detail is None:
        return None
    return [
        EditDraft(d["title"], Edit.model_validate(d["edit"]) if d["edit"] else None, d["problem"])
        for d in detail["drafts"]
    ]
