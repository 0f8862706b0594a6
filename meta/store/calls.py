"""The ledger: one row for every model call, written before the call is made and completed when it is answered.

A row without an end is a call that was in flight when its process died. It may have been charged, so it counts as the
most it could have cost. Rows survive a killed process at once. A power cut may take those since the last verdict, which
is flushed to disk together with the rows before it.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from meta.records.account import Cost
from meta.records.record import Record
from meta.store.database import BUSY_SECONDS, make_fit
from meta.store.definitions import take_timestamp
from safeguards.masking import mask_row
from worker_agent.records import Usage


@dataclass(frozen=True)
class Spending:
    """What was spent.

    `usd` is as far as prices are known, and at most for calls whose use the service did not report; `unpriced_tokens`
    are those without a known cost.
    """

    usd: float = 0.0
    tokens: int = 0
    unpriced_tokens: int = 0
    calls: int = 0

    @property
    def known_usd(self) -> float | None:
        """The dollars; `None` if any part has no known price."""
        return None if self.unpriced_tokens else self.usd


@dataclass(frozen=True)
class PlannedCall:
    """A call that is about to be made: by whom, for what, and the most it can cost."""

    role: str
    model: str
    tokens: int
    usd: float | None
    night: int | None = None
    candidate: int | None = None
    replay: str | None = None


class LedgerCall(Record):
    """A row of the ledger: what was asked and reserved, how it ended, what it used."""

    id: int
    at: str
    night: int | None
    role: str
    candidate: int | None
    replay: str | None
    asked: str | None
    """The model that was asked for."""
    model: str | None
    """The model that answered."""
    calls: int
    input_tokens: int
    output_tokens: int
    cache_read_tokens: int | None
    cache_write_tokens: int | None
    usd: float | None
    reserved_tokens: int
    reserved_usd: float | None
    ended: str | None
    """"answered", or how it failed; `None` while it is in flight."""


class CallLedger:
    """The table `calls`, with a connection of its own.

    Many threads make model calls while another one writes verdicts, so this connection has a lock.
    """

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(path, timeout=BUSY_SECONDS, check_same_thread=False, isolation_level=None)
        self._connection.execute("pragma synchronous = normal")
        self._connection.row_factory = sqlite3.Row
        self._lock = threading.Lock()

    def close(self) -> None:
        self._connection.close()

    def begin(self, asked: PlannedCall, at: str = "") -> int:
        """Record a call that is about to be made, and return its number."""
        row = {
            "at": at or take_timestamp(),
            "night": asked.night,
            "role": asked.role,
            "candidate": asked.candidate,
            "replay": asked.replay,
            "asked": asked.model,
            "calls": 1,
            "reserved_tokens": asked.tokens,
            "reserved_usd": asked.usd,
        }
        return self._write(f"insert into calls ({', '.join(row)}) values (:{', :'.join(row)})", row)

    def end(self, call: int, ended: str, model: str | None, usage: Usage) -> None:
        """Record how a call ended and what it used."""
        used = usage.model_dump(exclude={"calls"})
        row = {"ended": ended, "model": model, **used}
        changes = ", ".join(f"{name} = :{name}" for name in row)
        self._write(f"update calls set {changes} where id = :id", row | {"id": call})

    def spent(self, night: int) -> Spending:
        """Return what a night has spent; unfinished calls count as their worst case."""
        return self._spending("night = ?", night)

    def cost_of_night(self, night: int) -> Cost:
        """Return the cost of a night."""
        return _cost(self._spending("night = ?", night))

    def cost_of_candidate(self, candidate: int) -> Cost:
        """Return the cost of a candidate, over all nights."""
        return _cost(self._spending("candidate = ?", candidate))

    def costs_by_role(self, night: int) -> list[Cost]:
        """Return the cost of a night by role and model, ordered by name."""
        found = self._read(
            "select role, coalesce(model, asked, '') as model, sum(cache_read_tokens) as cache_read_tokens,"
            f" sum(cache_write_tokens) as cache_write_tokens, {SPENDING_COLUMNS} from calls where night = ?"
            " group by 1, 2 order by 1, 2",
            night,
        )
        return [
            _cost(_spending(row)).model_copy(
                update={name: row[name] for name in ("role", "model", "cache_read_tokens", "cache_write_tokens")}
            )
            for row in found
        ]

    def all(self) -> list[LedgerCall]:
        """Return every call, in the order they began."""
        return [LedgerCall(**dict(row)) for row in self._read("select * from calls order by id")]

    def _spending(self, condition: str, value: object) -> Spending:
        return _spending(self._read(f"select {SPENDING_COLUMNS} from calls where {condition}", value)[0])

    def _read(self, sql: str, *values: object) -> list[sqlite3.Row]:
        with self._lock:
            return self._connection.execute(sql, values).fetchall()

    def _write(self, sql: str, row: Mapping[str, object]) -> int:
        with self._lock:
            masked = {name: make_fit(value) for name, value in mask_row(row).items()}
            return int(self._connection.execute(sql, masked).lastrowid or 0)


_USED = "(input_tokens + output_tokens + coalesce(cache_read_tokens, 0) + coalesce(cache_write_tokens, 0))"
CALL_TOKENS = f"(case when ended is null then reserved_tokens else {_USED} end)"
CALL_USD = "(case when ended is null then reserved_usd else usd end)"
_MOST_USD = f"(case when ended = 'answered' then coalesce(usd, reserved_usd) else {CALL_USD} end)"
SPENDING_COLUMNS = (
    f"coalesce(sum({_MOST_USD}), 0.0) as usd, coalesce(sum({CALL_TOKENS}), 0) as tokens,"
    f" coalesce(sum(case when {CALL_USD} is null then {CALL_TOKENS} else 0 end), 0) as unpriced_tokens,"
    " coalesce(sum(calls), 0) as calls"
)
"""The fields of a `Spending`, summed over rows of `calls`. A failed call used nothing, as far as is known; an answer
whose cost the service did not report counts as the most that it can have cost."""


def _spending(row: sqlite3.Row) -> Spending:
    return Spending(row["usd"], row["tokens"], row["unpriced_tokens"], row["calls"])


def _cost(spent: Spending) -> Cost:
    return Cost(calls=spent.calls, tokens=spent.tokens, usd=spent.known_usd)
