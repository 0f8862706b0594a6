"""Which stages of a night are done, in runs.db: a night that was killed goes on after the last of them."""

from __future__ import annotations

import json
from typing import Any

from meta.store.store import Store, now
from meta.store.tuning import open_night

BEGUN, REPORT = "begun", "report"
"""The first and the last stage: a night is over when its report is done."""


def take_up(store: Store, budget: int) -> tuple[int, bool]:
    """The night to work on and whether it was begun before: the newest one without a report, else a new one."""
    row = store.one(
        "select night from stages where stage = ? and night not in (select night from stages where stage = ?)"
        " order by night desc limit 1", BEGUN, REPORT,
    )  # fmt: skip
    if row:
        return int(row["night"]), True
    night, resumed = open_night(store, budget)
    done(store, night, BEGUN)
    return night, resumed


def done(store: Store, night: int, stage: str, detail: dict[str, Any] | None = None) -> None:
    """Write down that a stage is done and what came of it."""
    store.write(
        "insert or replace into stages (night, stage, done_at, detail) values (?, ?, ?, ?)",
        night, stage, now(), json.dumps(detail or {}),
    )  # fmt: skip


def details(store: Store, night: int) -> dict[str, dict[str, Any]]:
    """What came of each stage that is done, in the order in which they were."""
    rows = store.rows("select stage, detail from stages where night = ? order by rowid", night)
    return {row["stage"]: json.loads(row["detail"]) for row in rows}


def is_tuned(store: Store, night: int) -> bool:
    """Whether the night's tuning has come to its end."""
    row = store.one("select ended_at from nights where id = ?", night)
    return bool(row and row["ended_at"])
