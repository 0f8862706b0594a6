"""Gate tests: the state of each candidate's test, and the level of each test in the strict tier."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from meta.gate.gate_record import GateRecord
from meta.store.database import RunsDatabase
from meta.store.definitions import take_timestamp


@dataclass(frozen=True)
class GateTest:
    """A candidate's test, as it was saved."""

    incumbent: str
    tickets: tuple[str, ...]
    """Ids, in the order of their numbers in the gate."""
    record: GateRecord


@dataclass(frozen=True)
class StrictTest:
    """A test in the strict tier, with the level it was given when it began."""

    candidate: int
    incumbent: str
    alpha: float


class GateTests:
    """The tables `gate_tests` and `strict_tests`.

    The first has one row for each candidate, the second one for each candidate and incumbent.
    """

    def __init__(self, database: RunsDatabase) -> None:
        self._db = database

    def save(self, candidate: int, incumbent: str, tickets: Sequence[str], record: GateRecord) -> None:
        """Save a test, when it begins and when it ends."""
        row = {
            "candidate": candidate,
            "incumbent": incumbent,
            "tickets": json.dumps(list(tickets)),
            "record": json.dumps(record.to_json()),
            "decided_at": take_timestamp() if record.decision else None,
        }
        self._db.insert("gate_tests", row, replace=True)

    def find(self, candidate: int, incumbent: str | None = None) -> GateTest | None:
        """Return a candidate's test; with `incumbent`, only if it is against that version."""
        row = self._db.row("select incumbent, tickets, record from gate_tests where candidate = ?", candidate)
        if not row or incumbent not in (None, row["incumbent"]):
            return None
        record = GateRecord.from_json(json.loads(row["record"]))
        return GateTest(row["incumbent"], tuple(json.loads(row["tickets"])), record)

    # The strict tier.

    def begin_strict(self, candidate: int, incumbent: str, alpha: float) -> None:
        """Record a new test in the strict tier, and the level that it keeps."""
        row = {"candidate": candidate, "incumbent": incumbent, "alpha": alpha, "at": take_timestamp()}
        self._db.insert("strict_tests", row)

    def strict_level(self, candidate: int, incumbent: str) -> float | None:
        """Return the level of a candidate's test against this incumbent, if it has begun."""
        alpha = self._db.value(
            "select alpha from strict_tests where candidate = ? and incumbent = ?", candidate, incumbent
        )
        return None if alpha is None else float(alpha)

    def strict_tests(self) -> list[StrictTest]:
        """Return every test in the strict tier, in the order they began."""
        found = self._db.rows("select candidate, incumbent, alpha from strict_tests order by id")
        return [StrictTest(**row) for row in found]

    def count_strict(self) -> int:
        """Return how many tests in the strict tier have begun."""
        return int(self._db.value("select count(*) from strict_tests"))

    def count_strict_kept(self, after: int) -> int:
        """Return how many tests after the first `after` ones kept their candidate."""
        return int(
            self._db.value(
                "select count(*) from strict_tests t join candidates c on c.id = t.candidate"
                " and c.parent = t.incumbent where c.status = 'kept' and t.id > ?",
                after,
            )
        )

    def is_strict(self, candidate: int) -> bool:
        """Return whether the candidate was tested against its parent in the strict tier."""
        found = self._db.value(
            "select 1 from strict_tests t join candidates c on c.id = t.candidate and c.parent = t.incumbent"
            " where c.id = ?",
            candidate,
        )
        return found is not None
