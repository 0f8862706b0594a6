"""Nights, candidates, gate tests and proposals in runs.db. State changes go by the table `NEXT_STATES`."""

from __future__ import annotations

import json
from typing import Any

from meta.records import NEXT_STATES, Candidate, Edit, Proposal, ProposalStatus, State
from meta.store.store import Store, now

# Nights.


def open_night(store: Store, budget: int) -> tuple[int, bool]:
    """The night to work on and whether it was begun before: an unfinished one is taken up again."""
    row = store.one("select id from nights where ended_at is null order by id desc limit 1")
    if row:
        return int(row["id"]), True
    sql = "insert into nights (started_at, budget, stage) values (?, ?, 'begun')"
    return store.write(sql, now(), budget), False


def set_stage(store: Store, night: int, stage: str) -> None:
    store.write("update nights set stage = ? where id = ?", stage, night)


def end_night(store: Store, night: int, report: dict[str, Any]) -> None:
    store.write(
        "update nights set ended_at = ?, stage = 'ended', report = ? where id = ?", now(), json.dumps(report), night
    )


def replays_used(store: Store, night: int) -> int:
    """Replays that count against the night's budget: all but void ones, which taught nothing."""
    row = store.one("select count(*) as n from replays where night = ? and verdict != 'void'", night)
    return int(row["n"]) if row else 0


def spending(store: Store, night: int | None) -> tuple[float | None, int, int]:
    """Dollars (`None` where a part is unknown), tokens and model calls of a night's replays so far."""
    row = store.one(
        "select sum(usd) as usd, sum(calls > 0 and usd is null) as unknown, sum(calls) as calls, sum(input_tokens"
        " + output_tokens + coalesce(cache_read_tokens, 0) + coalesce(cache_write_tokens, 0)) as tokens"
        " from replays where night = ?", night,
    )  # fmt: skip
    if not row or not row["calls"]:
        return None, 0, 0
    return None if row["unknown"] else float(row["usd"]), int(row["tokens"]), int(row["calls"])


# Candidates.


def add_candidate(store: Store, night: int, parent: str, edit: Edit) -> Candidate:
    number = store.write(
        "insert into candidates (night, status, parent, title, theme, record, made_at) values (?, ?, ?, ?, ?, ?, ?)",
        night, "proposed", parent, edit.title, ", ".join(edit.themes), edit.model_dump_json(), now(),
    )  # fmt: skip
    return Candidate(id=number, night=night, status="proposed", parent=parent, edit=edit)


def move(store: Store, candidate: Candidate, status: State, why: str = "", **changed: str | None) -> Candidate:
    """Take a candidate to another state (and set `parent`, `version`, `commit`).

    Raises `ValueError` for a step that the table does not allow.
    """
    if status != candidate.status and status not in NEXT_STATES[candidate.status]:
        raise ValueError(f"candidate {candidate.id} cannot go from {candidate.status} to {status}")
    moved = candidate.model_copy(update={"status": status, "why": why or candidate.why, **changed})
    store.write(
        "update candidates set status = ?, why = ?, parent = ?, version = ?, commit_id = ? where id = ?",
        moved.status, moved.why, moved.parent, moved.version, moved.commit, moved.id,
    )  # fmt: skip
    return moved


def candidates(store: Store, where: str = "1", *values: object, newest: int = -1) -> list[Candidate]:
    """Candidates in the order they were proposed; `where` is SQL on the table's columns, `newest` the most to read."""
    sql = f"select * from candidates where {where} order by id desc limit {newest}"
    return [
        Candidate(
            id=r["id"], night=r["night"], status=r["status"], why=r["why"], parent=r["parent"], version=r["version"],
            commit=r["commit_id"], edit=Edit.model_validate_json(r["record"]),
        )
        for r in reversed(store.rows(sql, *values))
    ]  # fmt: skip


# Gate tests.


def save_gate(store: Store, candidate: int, incumbent: str, tickets: list[str], record: dict[str, Any]) -> None:
    """Keep a gate's state: its tickets when it begins, the whole record when it ends."""
    decided = now() if record["decision"] else None
    store.write(
        "insert or replace into gate_tests (candidate, incumbent, tickets, record, decided_at) values (?, ?, ?, ?, ?)",
        candidate, incumbent, json.dumps(tickets), json.dumps(record), decided,
    )  # fmt: skip


def gate_test(store: Store, candidate: int, incumbent: str | None = None) -> tuple[list[str], dict[str, Any]] | None:
    """The tickets (their place is their number in the gate) and the gate's record; with `incumbent`, only if the test
    is against that version."""
    row = store.one("select incumbent, tickets, record from gate_tests where candidate = ?", candidate)
    if not row or incumbent not in (None, row["incumbent"]):
        return None
    return json.loads(row["tickets"]), json.loads(row["record"])


# Proposals.


def add_proposal(store: Store, candidate: int, commit: str, base: str) -> Proposal:
    """A new pending proposal; its branch is named after its number."""
    number = store.write(
        "insert into proposals (candidate, branch, commit_id, base_commit, status, made_at)"
        " values (?, '', ?, ?, 'pending', ?)",
        candidate, commit, base, now(),
    )  # fmt: skip
    store.write("update proposals set branch = ? where id = ?", f"meta/proposal-{number}", number)
    return proposals(store, "id = ?", number)[0]


def decide(
    store: Store, proposal: Proposal, status: ProposalStatus, reason: str = "", merge_commit: str | None = None
) -> Proposal:
    decided = proposal.model_copy(
        update={
            "status": status,
            "reason": reason,
            "merge_commit": merge_commit or proposal.merge_commit,
            "decided_at": now(),
        }
    )
    store.write(
        "update proposals set status = ?, reason = ?, merge_commit = ?, decided_at = ? where id = ?",
        decided.status, decided.reason, decided.merge_commit, decided.decided_at, decided.id,
    )  # fmt: skip
    return decided


def proposals(store: Store, where: str = "1", *values: object) -> list[Proposal]:
    return [Proposal(**row) for row in store.rows(f"select * from proposals where {where} order by id", *values)]
