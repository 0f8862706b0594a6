"""Nights, candidates, gate tests and proposals in runs.db. State changes go by the table `NEXT_STATES`."""

from __future__ import annotations

from meta.records.candidate import NEXT_STATES, Candidate, Edit, State
from meta.store.definitions import take_timestamp
from meta.store.store import Store

# Candidates.


def add_candidate(store: Store, night: int, parent: str, edit: Edit) -> Candidate:
    number = store.write(
        "insert into candidates (night, status, parent, title, theme, record, made_at) values (?, ?, ?, ?, ?, ?, ?)",
        night,
        "proposed",
        parent,
        edit.title,
        ", ".join(edit.themes),
        edit.model_dump_json(),
        take_timestamp(),
    )
    return Candidate(id=number, night=night, status="proposed", parent=parent, edit=edit)


def move_candidate(
    store: Store, candidate: Candidate, status: State, why: str = "", **changed: str | None
) -> Candidate:
    """Take a candidate to another state (and set `parent`, `version`, `commit`).

    Raises `ValueError` for a step that the table does not allow.
    """
    if status != candidate.status and status not in NEXT_STATES[candidate.status]:
        raise ValueError(f"candidate {candidate.id} cannot go from {candidate.status} to {status}")
    moved = candidate.model_copy(update={"status": status, "why": why or candidate.why, **changed})
    store.write(
        "update candidates set status = ?, why = ?, parent = ?, version = ?, commit_id = ? where id = ?",
        moved.status,
        moved.why,
        moved.parent,
        moved.version,
        moved.commit,
        moved.id,
    )
    return moved


def find_candidates(store: Store, where: str = "1", *values: object, newest: int = -1) -> list[Candidate]:
    """Candidates in the order they were proposed; `where` is SQL on the table's columns, `newest` the most to read."""
    sql = f"select * from candidates where {where} order by id desc limit {newest}"
    return [
        Candidate(
            id=r["id"],
            night=r["night"],
            status=r["status"],
            why=r["why"],
            parent=r["parent"],
            version=r["version"],
            commit=r["commit_id"],
            edit=Edit.model_validate_json(r["record"]),
        )
        for r in reversed(store.rows(sql, *values))
    ]
