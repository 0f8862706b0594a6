"""Gate tests: the state of each candidate's test, and the level that each test of the strict tier was given."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from meta.gate.gate_record import GateRecord
from meta.store.database import RunsDatabase
from meta.store.definitions import take_timestamp


@dataclass(frozen=True)
class GateTest:
    """A candidate's test as it was written down."""

    incumbent: str
    tickets: tuple[str, ...]
    """Ids; a ticket's place is its number in the gate."""
    record: GateRecord


@dataclass(frozen=True)
class StrictTest:
    """A test of the strict tier with the level that it was given when it began."""

    candidate: int
    incumbent: str
    alpha: float


class GateTests:
    """The tables `gate_tests`, one row a candidate, and `strict_tests`, one row a candidate and incumbent."""

    def __init__(self, database: RunsDatabase) -> None:
        self._db = database

    def save(self, candidate: int, incumbent: str, tickets: Sequence[str], record: GateRecord) -> None:
        """Keep a test: its tickets when it begins, the whole record when it ends."""
        row = {
            "candidate": candidate,
            "incumbent": incumbent,
            "tickets": json.dumps(list(tickets)),
            "record": json.dumps(record.to_json()),
            "decided_at": take_timestamp() if record.decision else None,
        }
        self._db.insert("gate_tests", row, replace=True)

    def find(self, candidate: int, incumbent: str | None = None) -> GateTest | None:
        """The candidate's test; with `incumbent`, only if it is against that version."""
        row = self._db.row("select incumbent, tickets, record from gate_tests where candidate = ?", candidate)
        if not row or incumbent not in (None, row["incumbent"]):
            return None
        record = GateRecord.from_json(json.loads(row["record"]))
        return GateTest(row["incumbent"], tuple(json.loads(row["tickets"])), record)

    # The strict tier.

    def begin_strict(self, candidate: int, incumbent: str, alpha: float) -> None:
        """Give a test of the strict tier its level, for good."""
        row = {"candidate": candidate, "incumbent": incumbent, "alpha": alpha, "at": take_timestamp()}
        self._db.insert("strict_tests", row)

    def strict_level(self, candidate: int, incumbent: str) -> float | None:
        """The level that the candidate's test against this incumbent was given; `None` before it begins."""
        alpha = self._db.value(
            "select alpha from strict_tests where candidate = ? and incumbent = ?", candidate, incumbent
        )
        return None if alpha is None else float(alpha)

    def strict_tests(self) -> list[StrictTest]:
        """Every test of the strict tier, in the order in which they began."""
        found = self._db.rows("select candidate, incumbent, alpha from strict_tests order by id")
        return [StrictTest(**row) for row in found]

    def count_strict(self) -> int:
        """Tests of the strict tier so far."""
        return int(self._db.value("select count(*) from strict_tests"))

    def count_strict_kept(self, after: int) -> int:
        """Those after the first `after` tests whose candidate was kept against the incumbent of that test."""
        return int(
            self._db.value(
                "select count(*) from strict_tests t join candidates c on c.id = t.candidate"
                " and c.parent = t.incumbent where c.status = 'kept' and t.id > ?",
                after,
            )
        )

    def is_strict(self, candidate: int) -> bool:
        """Whether the candidate was tested in the strict tier against its present parent."""
        found = self._db.value(
            "select 1 from strict_tests t join candidates c on c.id = t.candidate and c.parent = t.incumbent"
            " where c.id = ?",
            candidate,
        )
        return found is not None
