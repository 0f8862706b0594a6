"""Candidates: edits on their way through check, race and gate. `NEXT_STATES` says where each may go."""

from __future__ import annotations

from typing import Any

from meta.errors import MetaError
from meta.records.candidate import NEXT_STATES, Candidate, Edit, State
from meta.store.database import RunsDatabase
from meta.store.definitions import mask_words, take_timestamp


class Candidates:
    """The table `candidates`.

    Lists are in the order the edits were proposed; with `most`, only the newest ones are read.
    """

    def __init__(self, database: RunsDatabase) -> None:
        self._db = database

    def add(self, night: int, parent: str, edit: Edit) -> Candidate:
        """Add a candidate that will be tested against the version `parent`."""
        edit = mask_words(edit)
        number = self._db.insert(
            "candidates",
            {
                "night": night,
                "status": "proposed",
                "parent": parent,
                "title": edit.title,
                "theme": ", ".join(edit.themes),
                "record": edit.model_dump_json(),
                "made_at": take_timestamp(),
            },
        )
        return Candidate(id=number, night=night, status="proposed", parent=parent, edit=edit)

    def move(self, candidate: Candidate, status: State, why: str = "", **changed: str | None) -> Candidate:
        """Move a candidate to another state, and set its `parent`, `version` or `commit`.

        Raises `ValueError` for a step that `NEXT_STATES` does not allow.
        """
        if status != candidate.status and status not in NEXT_STATES[candidate.status]:
            raise ValueError(f"candidate {candidate.id} cannot go from {candidate.status} to {status}")
        moved = candidate.model_copy(update={"status": status, "why": why or candidate.why, **changed})
        columns = {name: getattr(moved, name) for name in ("status", "why", "parent", "version")}
        self._db.update("candidates", moved.id, columns | {"commit_id": moved.commit})
        return moved

    def find(self, number: int) -> Candidate:
        """Return the candidate with this number. Raises `MetaError`."""
        found = self._read("id = ?", number)
        if not found:
            raise MetaError(f"candidate {number} does not exist")
        return found[0]

    def all(self) -> list[Candidate]:
        """Return every candidate."""
        return self._read("1")

    def newest(self, most: int) -> list[Candidate]:
        """Return the newest candidates, whatever their state."""
        return self._read("1", most=most)

    def of_night(self, night: int) -> list[Candidate]:
        """Return candidates that were proposed on this night."""
        return self._read("night = ?", night)

    def worked_on(self, night: int) -> list[Candidate]:
        """Return a night's own candidates, and earlier ones that it replayed."""
        replayed = "select candidate from replays where night = ? and candidate is not null"
        return self._read(f"night = ? or id in ({replayed})", night, night)

    def waiting_from_other_nights(self, night: int) -> list[Candidate]:
        """Return undecided candidates of other nights."""
        return self._read("night != ? and status in ('testing', 'proposed')", night)

    def undecided_or_of_night(self, night: int) -> list[Candidate]:
        """Return undecided candidates, and all of this night."""
        return self._read("night = ? or status in ('proposed', 'testing')", night)

    def valid(self, most: int) -> list[Candidate]:
        """Return the newest candidates that are not invalid."""
        return self._read("status != 'invalid'", most=most)

    def tried(self, most: int) -> list[Candidate]:
        """Return the newest candidates that are past their check."""
        return self._read("status != 'proposed'", most=most)

    def count_tried(self) -> int:
        """Return how many candidates are past their check."""
        return int(self._db.value("select count(*) from candidates where status != 'proposed'"))

    def not_kept(self) -> list[Candidate]:
        """Return candidates that were dropped or are still being tested."""
        return self._read("status in ('refused', 'screened_out', 'invalid', 'testing')")

    def kept_without_proposal(self) -> list[Candidate]:
        """Return candidates that the gate kept just before the process was killed."""
        return self._read("status = 'kept' and id not in (select candidate from proposals)")

    def refused(self, most: int) -> list[Candidate]:
        """Return the newest candidates that the gate refused."""
        return self._read("status = 'refused'", most=most)

    def bundled(self) -> list[Candidate]:
        """Return candidates that are being tested as part of a bundle."""
        return self._read("status = 'joined'")

    def ended_bundles(self, most: int) -> list[Candidate]:
        """Return the newest bundles whose test ended without a gain."""
        return self._read("status in ('refused', 'screened_out') and record like '%\"choice\":{\"edit %'", most=most)

    def _read(self, condition: str, *values: object, most: int = -1) -> list[Candidate]:
        found = self._db.rows(f"select * from candidates where {condition} order by id desc limit {most}", *values)
        return [_candidate(row) for row in reversed(found)]


def _candidate(row: dict[str, Any]) -> Candidate:
    return Candidate(
        id=row["id"],
        night=row["night"],
        status=row["status"],
        why=row["why"],
        parent=row["parent"],
        version=row["version"],
        commit=row["commit_id"],
        edit=Edit.model_validate_json(row["record"]),
    )
