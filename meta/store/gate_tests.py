"""DOCSTRING meta.store.gate_tests."""

from __future__ import annotations

import json
from typing import Any

from meta.store.definitions import take_timestamp
from meta.store.store import Store

# Gate tests.


def save_gate_test(store: Store, candidate: int, incumbent: str, tickets: list[str], record: dict[str, Any]) -> None:
    """Keep a gate's state: its tickets when it begins, the whole record when it ends."""
    decided = take_timestamp() if record["decision"] else None
    store.write(
        "insert or replace into gate_tests (candidate, incumbent, tickets, record, decided_at) values (?, ?, ?, ?, ?)",
        candidate,
        incumbent,
        json.dumps(tickets),
        json.dumps(record),
        decided,
    )


def find_gate_test(
    store: Store, candidate: int, incumbent: str | None = None
) -> tuple[list[str], dict[str, Any]] | None:
    """The tickets (their place is their number in the gate) and the gate's record; with `incumbent`, only if the test
    is against that version."""
    row = store.one("select incumbent, tickets, record from gate_tests where candidate = ?", candidate)
    if not row or incumbent not in (None, row["incumbent"]):
        return None
    return json.loads(row["tickets"]), json.loads(row["record"])
