"""DOCSTRING meta.store.summary."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

from meta.errors import MetaError


def read_summary(root: Path) -> dict[str, Any]:
    """Counts and sums, from a connection that cannot write. Raises `MetaError` when there is nothing to read."""
    path = root / "runs.db"
    if not path.exists():
        raise MetaError(
            f"there is no runs.db in {root.resolve()}; nothing has been done here yet",
            "`meta demo` shows the whole loop; `meta init` begins with your own repository",
            code=3,
        )
    try:
        with sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=5) as db:
            db.row_factory = sqlite3.Row
            return _query(db)
    except sqlite3.Error as error:
        raise MetaError(f"{path} cannot be read: {error}", "is it a runs.db of this version of meta?") from None


def _query(db: sqlite3.Connection) -> dict[str, Any]:
    def pairs(sql: str) -> dict[str, int]:
        return {str(key): int(n) for key, n in db.execute(sql)}

    newest = db.execute("select * from incumbents order by id desc limit 1").fetchone()
    version = newest["version"] if newest else None
    kept = {row["name"] for row in db.execute("pragma table_info(replays)")}
    # A runs.db that no command has migrated yet: its verdicts are the tests'.
    tests = "coalesce(tests_passed, verdict = 'passed')" if "tests_passed" in kept else "verdict = 'passed'"
    shares = db.execute(
        f"select avg(verdict = 'passed') as share, avg({tests}) as tests"
        " from replays where version = ? and verdict != 'void'"
        " and purpose in ('gate', 'measure', 'incumbent') group by ticket",
        (version,),
    ).fetchall()
    trend = db.execute(
        "select version, avg(share) as share, count(*) as tickets from (select version, ticket, min(rowid) as first,"
        " avg(verdict = 'passed') as share from replays where verdict != 'void' and purpose in ('gate', 'measure',"
        " 'incumbent') and version in (select version from incumbents) group by version, ticket)"
        " group by version order by min(first)"
    ).fetchall()
    spent = db.execute(
        "select count(*) as replays, sum(usd) as usd, sum(calls > 0 and usd is null) as unpriced,"
        " sum(input_tokens + output_tokens + coalesce(cache_read_tokens, 0)"
        " + coalesce(cache_write_tokens, 0)) as tokens,"
        " sum(verdict = 'void') as void from replays"
    ).fetchone()
    others = db.execute(
        "select sum(input_tokens + output_tokens + coalesce(cache_read_tokens, 0) + coalesce(cache_write_tokens, 0))"
        " as tokens, sum(usd) as usd, sum(ended = 'answered' and usd is null) as unpriced from calls"
        " where replay is null or replay not in (select id from replays)"
    ).fetchone()
    night = db.execute("select * from nights order by id desc limit 1").fetchone()
    compared = None
    if db.execute("select 1 from sqlite_master where name = 'stages'").fetchone():
        compared = db.execute(
            "select detail from stages where stage = 'compare' order by night desc limit 1"
        ).fetchone()
    return {
        "version": version,
        "since": newest["since"] if newest else None,
        "one_shot": sum(r["share"] for r in shares) / len(shares) if shares else None,
        "passes_tests": sum(r["tests"] for r in shares) / len(shares) if shares else None,
        "measured_on": len(shares),
        "trend": [dict(r) for r in trend],
        "tickets": pairs("select status, count(*) from tickets group by status"),
        "held_out": db.execute("select count(*) from tickets where status = 'admitted' and held_out").fetchone()[0],
        "feedback": pairs("select kind, count(*) from feedback group by kind"),
        "proposals": pairs("select status, count(*) from proposals group by status"),
        "candidates": pairs("select status, count(*) from candidates group by status"),
        "replays": spent["replays"],
        "void": spent["void"] or 0,
        "tokens": (spent["tokens"] or 0) + (others["tokens"] or 0),
        "usd": None if spent["unpriced"] or others["unpriced"] else (spent["usd"] or 0) + (others["usd"] or 0),
        "night": dict(night) if night else None,
        "promises": json.loads(compared["detail"]).get("promises", []) if compared else [],
    }
