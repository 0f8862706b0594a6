"""Nights: which one to work on, which of its stages are done, and the result of each stage.

A night that was killed continues after its last finished stage.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from meta.records.account import Night
from meta.records.candidate import Edit, EditDraft
from meta.records.record import Record
from meta.store.database import RunsDatabase
from meta.store.definitions import mask_words, take_timestamp
from safeguards.masking import mask_secrets

STAGE_BEGUN, STAGE_REPORT = "begun", "report"
"""The first and the last stage of an unattended night; it is over once its report is done."""

STAGE_DRAFTS = "drafts"


class NightEntry(Record):
    """A night as a list shows it.

    `replays` counts void ones too; `ended` is when its tuning ended.
    """

    night: int
    began: str
    ended: str | None
    budget: int
    replays: int
    edits: int
    kept: int


class Nights:
    """The tables `nights` and `stages`."""

    def __init__(self, database: RunsDatabase) -> None:
        self._db = database

    def resume_or_open(self, budget: int) -> Night:
        """Return the unattended night to work on.

        This is the newest one without a report, or a new one that may use `budget` replays.
        """
        number = self._db.value(
            "select night from stages where stage = ? and night not in (select night from stages where stage = ?)"
            " order by night desc limit 1",
            STAGE_BEGUN,
            STAGE_REPORT,
        )
        if number is not None:
            return self._find(number, resumed=True)
        night = self.resume_or_open_tuning(budget)
        self.finish_stage(night.id, STAGE_BEGUN)
        return night

    def resume_or_open_tuning(self, budget: int) -> Night:
        """Return the newest night whose tuning has not ended, or a new one."""
        number = self._db.value("select id from nights where ended_at is null order by id desc limit 1")
        if number is not None:
            return self._find(number, resumed=True)
        number = self._db.insert("nights", {"started_at": take_timestamp(), "budget": budget, "stage": STAGE_BEGUN})
        return self._find(number)

    def begin_stage(self, night: int, stage: str) -> None:
        """Note the stage that a night is at, for people who look."""
        self._db.update("nights", night, {"stage": stage})

    def finish_stage(self, night: int, stage: str, result: dict[str, Any] | None = None) -> None:
        """Record that a stage is done, and its result."""
        row = {"night": night, "stage": stage, "done_at": take_timestamp(), "detail": json.dumps(result or {})}
        exact = ("detail",) if stage == STAGE_DRAFTS else ()  # edits are applied as they were written
        self._db.insert("stages", row, replace=True, exact=exact)

    def stage_results(self, night: int) -> dict[str, dict[str, Any]]:
        """Return the result of each finished stage, in the order they were finished."""
        found = self._db.rows("select stage, detail from stages where night = ? order by rowid", night)
        return {row["stage"]: json.loads(row["detail"]) for row in found}

    def results_of_stage(self, stage: str) -> list[dict[str, Any]]:
        """Return the results of one stage, from every night that has finished it."""
        found = self._db.rows("select detail from stages where stage = ?", stage)
        return [json.loads(row["detail"]) for row in found]

    def end_tuning(self, night: int, report: dict[str, Any]) -> None:
        """Record that a night's tuning has ended, with a summary as JSON."""
        ended = {"ended_at": take_timestamp(), "stage": "ended", "report": json.dumps(report)}
        self._db.update("nights", night, ended)

    def is_tuned(self, night: int) -> bool:
        """Return whether a night's tuning has ended."""
        return bool(self._db.value("select ended_at from nights where id = ?", night))

    def started_at(self, night: int) -> str:
        """Return when a night began (ISO 8601), or an empty text if it does not exist."""
        return str(self._db.value("select started_at from nights where id = ?", night) or "")

    def start_of_previous(self, night: int) -> datetime | None:
        """Return when the previous night began; for the first night, when that began."""
        found = self._db.rows("select started_at from nights where id <= ? order by id desc limit 2", night)
        return datetime.fromisoformat(found[-1]["started_at"]) if found else None

    def entries(self) -> list[NightEntry]:
        """Return every night and what it made, in the order they began."""
        found = self._db.rows(
            "select id as night, started_at as began, ended_at as ended, budget,"
            " (select count(*) from replays where night = nights.id) as replays,"
            " (select count(*) from candidates where night = nights.id) as edits,"
            " (select count(*) from candidates where night = nights.id and status = 'kept') as kept"
            " from nights order by id"
        )
        return [NightEntry(**row) for row in found]

    def newest_unattended(self) -> int | None:
        """Return the number of the newest unattended night, if there is one."""
        number = self._db.value("select max(night) from stages where stage = ?", STAGE_BEGUN)
        return int(number) if number else None

    def save_drafts(self, night: int, drafts: Sequence[EditDraft]) -> None:
        """Save the edits that were drafted on a night, in their order."""
        kept = [
            {
                "title": mask_secrets(d.title),
                "edit": mask_words(d.edit).model_dump(mode="json") if d.edit else None,
                "problem": mask_secrets(d.problem),
            }
            for d in drafts
        ]
        self.finish_stage(night, STAGE_DRAFTS, {"drafts": kept})

    def drafts(self, night: int) -> list[EditDraft] | None:
        """Return the drafts of a night; `None` before the proposer was asked."""
        result = self.stage_results(night).get(STAGE_DRAFTS)
        if result is None:
            return None
        return [
            EditDraft(d["title"], Edit.model_validate(d["edit"]) if d["edit"] else None, d["problem"])
            for d in result["drafts"]
        ]

    def _find(self, number: int, *, resumed: bool = False) -> Night:
        row = self._db.row("select id, started_at, budget from nights where id = ?", number)
        assert row is not None
        return Night(**row, resumed=resumed)
