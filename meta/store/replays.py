"""Replays: each run of a version on a ticket, with its verdict. This is the largest table.

A replay without a candidate is the incumbent's and is shared: every test may draw on it.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from meta.errors import ExitCode, MetaError
from meta.gate.gate_record import VOID_OUTCOMES, Arm
from meta.records.account import Cost
from meta.records.candidate import Candidate
from meta.records.replay import Purpose, Replay
from meta.store.database import RunsDatabase
from meta.store.incumbents import Incumbents
from meta.store.transcripts import Transcripts
from worker_agent.records import Event, Usage

OUTCOMES: dict[str, float | None] = {"passed": 1.0, "failed": 0.0, "void": None}
"""What the gate is told of each verdict."""


class TicketDraw(NamedTuple):
    """The outcome of one replay, as the gate is told: 1 passed, 0 failed, None void."""

    ticket: str
    passed: float | None


class RunCounts(NamedTuple):
    """The number of replays that were not void, and how many of them passed."""

    runs: int
    passes: int


class ReplayCounts(NamedTuple):
    """The number of replays, and how many of them were void."""

    made: int
    void: int


class Replays:
    """The table `replays`."""

    def __init__(self, database: RunsDatabase, transcripts: Transcripts, incumbents: Incumbents) -> None:
        self._db, self._transcripts, self._incumbents = database, transcripts, incumbents

    def add(
        self, replay: Replay, events: Sequence[Event] = (), night: int | None = None, promotion: int | None = None
    ) -> None:
        """Keep a finished replay and its transcript, both or neither.

        `promotion` is the number of the promotion that was in force when the replay began.
        """
        row = _row(replay) | {"night": night, "promotion": promotion}
        with self._db.all_or_nothing():
            self._db.insert("replays", row)
            self._transcripts.add(replay.id, events)

    def all(self) -> list[Replay]:
        """Return every replay, in the order they were made."""
        return self._read("1")

    def last_rank(self) -> int:
        """Return the highest rank of any replay; 0 before the first one."""
        return int(self._db.value("select coalesce(max(asked), 0) from replays"))

    def count_for(self, purpose: Purpose) -> int:
        """Return how many replays were made for this purpose."""
        return int(self._db.value("select count(*) from replays where purpose = ?", purpose))

    # One version.

    def baseline(self, version: str, tickets: Iterable[str]) -> list[Replay]:
        """Return a version's replays outside the gate, by ticket, without void ones."""
        condition = (  # the + keeps SQLite from the index on candidates, which leads to every version's replays
            "version = ? and ticket = ? and purpose in ('incumbent', 'measure') and +candidate is null"
            " and verdict != 'void'"
        )
        return [replay for ticket in tickets for replay in self._read(condition, version, ticket)]

    def shared(self, version: str, purposes: Sequence[Purpose]) -> list[Replay]:
        """Return a version's shared replays that were made for these purposes."""
        marks = ", ".join("?" * len(purposes))
        return self._read(f"version = ? and candidate is null and purpose in ({marks})", version, *purposes)

    def newest_shared(self, version: str, ticket: str, most: int) -> list[Replay]:
        """Return a version's newest shared replays on a ticket, oldest first."""
        found = self._db.rows(
            "select * from replays where version = ? and ticket = ? and +candidate is null order by rowid desc limit ?",
            version,
            ticket,
            most,
        )
        return [_replay(row) for row in reversed(found)]

    def pool_draws(self, ticket: str, version: str) -> list[float | None]:
        """Return the incumbent's draws on a ticket since its promotion, by rank; None is a void one."""
        found = self._db.rows(
            "select verdict from replays where ticket = ? and version = ? and purpose = 'gate' and candidate is null"
            " and promotion = ? and not excused order by asked, rowid",
            ticket,
            version,
            self._promotion(),
        )
        return [OUTCOMES[row["verdict"]] for row in found]

    def prior_counts(self, ticket: str, version: str, most: int) -> tuple[RunCounts, RunCounts]:
        """Count runs of a ticket from before a test: by this version, and by others.

        Each counts up to `most` of the newest. Draws that may still become evidence are left out.
        """
        own = self._count_runs(
            "ticket = ? and version = ? and not (purpose = 'gate' and candidate is null and promotion = ?)",
            (ticket, version, self._promotion()),
            most,
        )
        others = self._count_runs("ticket = ? and candidate is null and version != ?", (ticket, version), most)
        return own, others

    def find(self, beginning: str) -> Replay:
        """Return the replay whose id begins with this.

        Raises `MetaError` (exit code 2) if there is none, or more than one.
        """
        found = self._read("id >= ? and id < ?", beginning, f"{beginning}\U0010ffff") if beginning else []
        if len(found) != 1:
            problem = "more than one replay begins with" if found else "there is no replay"
            raise MetaError(f"{problem} {beginning!r}", "`meta replay` names the replays that it makes", ExitCode.USAGE)
        return found[0]

    # One candidate.

    def of_candidate(self, candidate: int) -> list[Replay]:
        """Return all replays of a candidate, in the order they were made."""
        return self._read("candidate = ?", candidate)

    def count_of_candidate(self, candidate: int) -> int:
        """Return how many replays a candidate has had."""
        return int(self._db.value("select count(*) from replays where candidate = ?", candidate))

    def of_race(self, candidate: int) -> list[Replay]:
        """Return a candidate's replays on failing search tickets, before the gate.

        A void one counts as failed, unless it was excused.
        """
        return self._read("candidate = ? and purpose = 'screen' and not excused", candidate)

    def race_opponent(self, candidate: int) -> str | None:
        """Return the version that was in use during the race; `None` before it."""
        version = self._db.value(
            "select i.version from replays r join incumbents i on i.id = r.promotion"
            " where r.candidate = ? and r.purpose = 'screen' limit 1",
            candidate,
        )
        return str(version) if version is not None else None

    def gate_draws(self, candidate: Candidate) -> list[TicketDraw]:
        """Return what the candidate's current version did at the gate, by rank, without what was excused."""
        found = self._db.rows(
            "select ticket, verdict from replays where candidate = ? and purpose = 'gate' and version = ?"
            " and not excused order by asked, rowid",
            candidate.id,
            candidate.version,
        )
        return [TicketDraw(row["ticket"], OUTCOMES[row["verdict"]]) for row in found]

    def tickets_tested(self, candidate: int) -> set[str]:
        """Return ids of the tickets with an outcome of the candidate, at the gate or after it."""
        found = self._db.rows(
            "select distinct ticket from replays where candidate = ? and purpose in ('gate', 'measure')"
            " and verdict != 'void'",
            candidate,
        )
        return {row["ticket"] for row in found}

    def gate_outcomes(self, candidate: int) -> Counter[tuple[str, str, bool]]:
        """Count (arm, ticket, passed) at the gate, for the candidate and its incumbent.

        A void replay counts as the gate counts it.
        """
        found: Counter[tuple[str, str, bool]] = Counter()
        arms: tuple[tuple[Arm, str], ...] = (
            ("candidate", "candidate = ?"),
            ("incumbent", "candidate is null and version = (select incumbent from gate_tests where candidate = ?)"),
        )
        for arm, whose in arms:
            for row in self._db.rows(
                f"select ticket, verdict, count(*) as n from replays where {whose} and purpose = 'gate'"
                " and not excused group by ticket, verdict",
                candidate,
            ):
                outcome = OUTCOMES[row["verdict"]]
                passed = VOID_OUTCOMES[arm] if outcome is None else outcome
                found[arm, row["ticket"], passed == 1.0] += row["n"]
        return found

    # An outage.

    def after_rank(self, rank: int) -> list[Replay]:
        """Return the replays with a higher rank."""
        return self._read("asked > ?", rank)

    def excuse(self, void: Iterable[Replay]) -> None:
        """Let these void replays count for nothing: there was an outage."""
        self._db.execute_each("update replays set excused = 1 where id = ?", [(replay.id,) for replay in void])

    # One night.

    def count_used(self, night: int) -> int:
        """Return how much of the budget a night has used; void replays are free."""
        return int(self._db.value("select count(*) from replays where night = ? and verdict != 'void'", night))

    def count_of_night(self, night: int) -> ReplayCounts:
        """Return how many replays a night has made."""
        row = self._db.row(
            "select count(*) as made, coalesce(sum(verdict = 'void'), 0) as void from replays where night = ?", night
        )
        return ReplayCounts(**row) if row else ReplayCounts(0, 0)

    def count_of_ended_tests(self, night: int) -> int:
        """Return how many replays a night has used, without those of undecided candidates."""
        return int(
            self._db.value(
                "select count(*) from replays where night = ? and verdict != 'void' and (candidate is null or candidate"
                " in (select id from candidates where status in ('kept', 'refused')))",
                night,
            )
        )

    def cost_of_night(self, night: int | None) -> Cost:
        """Return the cost of a night's replays.

        Dollars are `None` before the first call, and once a part has no known price.
        """
        row = self._db.row(
            "select coalesce(sum(calls), 0) as calls, coalesce(sum(input_tokens + output_tokens"
            " + coalesce(cache_read_tokens, 0) + coalesce(cache_write_tokens, 0)), 0) as tokens, sum(usd) as usd,"
            " sum(calls > 0 and usd is null) as unknown from replays where night = ?",
            night,
        )
        if not row or not row["calls"]:
            return Cost()
        return Cost(calls=row["calls"], tokens=row["tokens"], usd=None if row["unknown"] else float(row["usd"]))

    def mean_cost(self, newest: int) -> float | None:
        """Return the mean dollars of the newest replays with a known cost."""
        mean = self._db.value(
            "select avg(usd) from (select usd from replays where verdict != 'void' and usd is not null"
            " order by rowid desc limit ?)",
            newest,
        )
        return None if mean is None else float(mean)

    def _promotion(self) -> int:
        current = self._incumbents.current()
        return current.id if current else 0

    def _count_runs(self, condition: str, values: Sequence[object], most: int) -> RunCounts:
        row = self._db.row(
            "select count(*) as runs, coalesce(sum(verdict = 'passed'), 0) as passes from (select verdict from replays"
            f" where {condition} and verdict != 'void' order by rowid desc limit ?)",
            *values,
            most,
        )
        return RunCounts(**row) if row else RunCounts(0, 0)

    def _read(self, condition: str, *values: object) -> list[Replay]:
        found = self._db.rows(f"select * from replays where {condition} order by rowid", *values)
        return [_replay(row) for row in found]


def _row(replay: Replay) -> dict[str, Any]:
    """Return a replay as a row; a tampered one is a failed one with a mark."""
    fields = replay.model_dump(exclude={"usage", "rank"}) | replay.usage.model_dump()
    return fields | {
        "asked": replay.rank,
        "verdict": "failed" if replay.has_failed else replay.verdict,
        "tampered": replay.verdict == "tampered",
        "alarms": json.dumps(replay.alarms),
        "objections": json.dumps(replay.objections),
    }


def _replay(row: dict[str, Any]) -> Replay:
    usage = Usage(**{name: row[name] for name in Usage.model_fields})
    fields = {name: row[name] for name in Replay.model_fields if name in row}
    if row.get("tampered"):
        fields["verdict"] = "tampered"
    fields |= {name: json.loads(row[name]) for name in ("alarms", "objections") if name in row}
    return Replay(usage=usage, rank=row["asked"], **fields)
