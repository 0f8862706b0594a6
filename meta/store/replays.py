"""DOCSTRING meta.store.replays."""

from __future__ import annotations

from meta.store.incumbents import find_promotion
from meta.store.store import Store


def count_replays_used(store: Store, night: int) -> int:
    """Replays that count against the night's budget: all but void ones, which taught nothing."""
    row = store.one("select count(*) as n from replays where night = ? and verdict != 'void'", night)
    return int(row["n"]) if row else 0


def sum_replay_spending(store: Store, night: int | None) -> tuple[float | None, int, int]:
    """Dollars (`None` where a part is unknown), tokens and model calls of a night's replays so far."""
    row = store.one(
        "select sum(usd) as usd, sum(calls > 0 and usd is null) as unknown, sum(calls) as calls, sum(input_tokens"
        " + output_tokens + coalesce(cache_read_tokens, 0) + coalesce(cache_write_tokens, 0)) as tokens"
        " from replays where night = ?",
        night,
    )
    if not row or not row["calls"]:
        return None, 0, 0
    return None if row["unknown"] else float(row["usd"]), int(row["tokens"]), int(row["calls"])


def find_pool_draws(store: Store, ticket: str, version: str) -> list[float]:
    """The incumbent's draws on a ticket since its promotion, by the model in use, in the order they were asked for."""
    found = store.rows(
        "select verdict from replays where ticket = ? and version = ? and purpose = 'gate' and candidate is null"
        " and promotion = ? and verdict != 'void' order by asked, rowid",
        ticket,
        version,
        find_promotion(store),
    )
    return [float(row["verdict"] == "passed") for row in found]
