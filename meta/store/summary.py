"""Counts and sums over the whole record, for `meta status`.

Uses the standard library alone, so that `meta status` starts fast. It can also read a runs.db that still has to be
migrated.
"""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

from meta.errors import ExitCode, MetaError
from meta.store.definitions import COUNTS
from meta.store.tickets import REMOVED_BY_HAND

TOKENS = "input_tokens + output_tokens + coalesce(cache_read_tokens, 0) + coalesce(cache_write_tokens, 0)"


def read_summary(root: Path) -> dict[str, Any]:
    """Read the summary of the runs.db in a folder.

    Raises `MetaError` if there is none (exit code 3), or if it cannot be read.
    """
    path = root / "runs.db"
    if not path.exists():
        raise MetaError(
            f"{root.resolve()} has no runs.db: nothing has been done here yet",
            "`meta demo` shows the whole loop; `meta init` begins with your own repository",
            ExitCode.NOTHING_TO_DO,
        )
    try:
        with sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=5) as db:
            db.row_factory = sqlite3.Row
            return _summarize(db)
    except sqlite3.Error as error:
        raise MetaError(f"cannot read {path}: {error}", "was it written by this version of meta?") from None


def _summarize(db: sqlite3.Connection) -> dict[str, Any]:
    newest = db.execute("select * from incumbents order by id desc limit 1").fetchone()
    night = db.execute("select * from nights order by id desc limit 1").fetchone()
    version = newest["version"] if newest else None
    held_out = db.execute("select count(*) from tickets where status = 'admitted' and held_out").fetchone()[0]
    return {
        "version": version,
        "since": newest["since"] if newest else None,
        **_success(db, version),
        "trend": _trend(db),
        "tickets": _counts(
            db, f"select status, count(*) from tickets where reason not like '{REMOVED_BY_HAND}%' group by status"
        ),
        "held_out": held_out,
        "feedback": _counts(db, "select kind, count(*) from feedback group by kind"),
        "proposals": _counts(db, "select status, count(*) from proposals group by status"),
        "candidates": _counts(db, "select status, count(*) from candidates group by status"),
        **_spending(db),
        "night": dict(night) if night else None,
        "promises": _promises(db),
    }


def _counts(db: sqlite3.Connection, sql: str) -> dict[str, int]:
    return {str(key): int(n) for key, n in db.execute(sql)}


def _success(db: sqlite3.Connection, version: str | None) -> dict[str, Any]:
    """One-shot success of a version, the share that passes the tests alone, and the number of tickets."""
    known = {row["name"] for row in db.execute("pragma table_info(replays)")}
    # Before this column existed, tests alone decided the verdict.
    tests = "coalesce(tests_passed, verdict = 'passed')" if "tests_passed" in known else "verdict = 'passed'"
    shares = db.execute(
        f"select avg(verdict = 'passed') as share, avg({tests}) as tests from replays where version = ? and {COUNTS}"
        " group by ticket",
        (version,),
    ).fetchall()
    return {
        "one_shot": sum(r["share"] for r in shares) / len(shares) if shares else None,
        "passes_tests": sum(r["tests"] for r in shares) / len(shares) if shares else None,
        "measured_on": len(shares),
    }


def _trend(db: sqlite3.Connection) -> list[dict[str, Any]]:
    """One-shot success of every version that was in use, by their first replay."""
    found = db.execute(
        "select version, avg(share) as share, count(*) as tickets from (select version, ticket, min(rowid) as first,"
        f" avg(verdict = 'passed') as share from replays where {COUNTS}"
        " and version in (select version from incumbents) group by version, ticket)"
        " group by version order by min(first)"
    )
    return [dict(row) for row in found]


def _spending(db: sqlite3.Connection) -> dict[str, Any]:
    """Replays, and what all model calls used: those of replays, and the others in the ledger."""
    replays = db.execute(
        f"select count(*) as made, sum(verdict = 'void') as void, sum({TOKENS}) as tokens, sum(usd) as usd,"
        " sum(calls > 0 and usd is null) as unpriced from replays"
    ).fetchone()
    others = db.execute(
        f"select sum({TOKENS}) as tokens, sum(usd) as usd, sum(ended = 'answered' and usd is null) as unpriced"
        " from calls where replay is null or replay not in (select id from replays)"
    ).fetchone()
    unknown = replays["unpriced"] or others["unpriced"]
    return {
        "replays": replays["made"],
        "void": replays["void"] or 0,
        "tokens": (replays["tokens"] or 0) + (others["tokens"] or 0),
        "usd": None if unknown else (replays["usd"] or 0) + (others["usd"] or 0),
    }


def _promises(db: sqlite3.Connection) -> list[dict[str, Any]]:
    """The newest comparison of accepted proposals with real pull requests."""
    if not db.execute("select 1 from sqlite_master where name = 'stages'").fetchone():
        return []
    newest = db.execute("select detail from stages where stage = 'compare' order by night desc limit 1").fetchone()
    found: list[dict[str, Any]] = json.loads(newest["detail"]).get("promises", []) if newest else []
    return found
