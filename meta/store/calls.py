"""The ledger: one row for every model call, written when it is asked and completed when it is answered.

A row without an end is a call that was in flight when its process died: it may have been charged, so it counts with
the most that it could have cost. Rows survive a killed process at once; a power cut may take the last few, up to the
last verdict, whose own write is flushed to the disk together with them.
"""

from __future__ import annotations

import sqlite3
import threading
from dataclasses import dataclass
from pathlib import Path

from meta.store.database import BUSY_SECONDS
from worker_agent.records import Usage


@dataclass(frozen=True)
class Spending:
    """What was spent: dollars as far as prices are known, tokens, and the tokens whose price is not known."""

    usd: float = 0.0
    tokens: int = 0
    unpriced_tokens: int = 0
    calls: int = 0

    @property
    def known_usd(self) -> float | None:
        """The dollars; `None` as soon as the price of a part is not known."""
        return None if self.unpriced_tokens else self.usd


@dataclass(frozen=True)
class PlannedCall:
    """A call about to be made: by whom, for what, and the most that it can cost."""

    role: str
    model: str
    tokens: int
    usd: float | None
    night: int | None = None
    candidate: int | None = None
    replay: str | None = None


class Ledger:
    """Its own connection with a lock, since model calls are made by many threads while one other writes verdicts."""

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(path, timeout=BUSY_SECONDS, check_same_thread=False, isolation_level=None)
        self._connection.execute("pragma synchronous = normal")
        self._lock = threading.Lock()

    def close(self) -> None:
        self._connection.close()

    def begin(self, asked: PlannedCall, at: str) -> int:
        """Write down that a call is about to be made; returns its number."""
        return self._write(
            "insert into calls (at, night, role, candidate, replay, asked, calls, reserved_tokens, reserved_usd)"
            " values (?, ?, ?, ?, ?, ?, 1, ?, ?)",
            at,
            asked.night,
            asked.role,
            asked.candidate,
            asked.replay,
            asked.model,
            asked.tokens,
            asked.usd,
        )

    def end(self, call: int, ended: str, model: str | None, usage: Usage) -> None:
        """Write down how a call ended and what it used."""
        self._write(
            "update calls set ended = ?, model = ?, input_tokens = ?, output_tokens = ?, cache_read_tokens = ?,"
            " cache_write_tokens = ?, usd = ? where id = ?",
            ended,
            model,
            usage.input_tokens,
            usage.output_tokens,
            usage.cache_read_tokens,
            usage.cache_write_tokens,
            usage.usd,
            call,
        )

    def spent(self, night: int) -> Spending:
        """What a night has spent so far; calls that were cut off count with their worst case."""
        with self._lock:
            row = self._connection.execute(f"select {SPENDING_COLUMNS} from calls where night = ?", (night,)).fetchone()
        return Spending(*row)

    def _write(self, sql: str, *values: object) -> int:
        with self._lock:
            return int(self._connection.execute(sql, values).lastrowid or 0)


_USED = "(input_tokens + output_tokens + coalesce(cache_read_tokens, 0) + coalesce(cache_write_tokens, 0))"
CALL_TOKENS = f"(case when ended is null then reserved_tokens else {_USED} end)"
CALL_USD = "(case when ended is null then reserved_usd else usd end)"
SPENDING_COLUMNS = (
    f"coalesce(sum({CALL_USD}), 0.0), coalesce(sum({CALL_TOKENS}), 0),"
    f" coalesce(sum(case when {CALL_USD} is null then {CALL_TOKENS} else 0 end), 0), coalesce(sum(calls), 0)"
)
"""The columns of `Spent` over any rows of `calls`. A failed call used nothing as far as is known."""
