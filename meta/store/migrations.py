"""The schema of runs.db, as named migrations. A migration that has shipped is never edited: a new one is added."""

from __future__ import annotations

from sqlite_utils import Database
from sqlite_utils.migrations import Migrations

migrations = Migrations("meta")


@migrations()  # type: ignore[untyped-decorator]
def m001_first(db: Database) -> None:
    for table, columns in FIRST_TABLES.items():
        db.execute(f"create table {table} ({', '.join(columns)})")
    for table, indexed in FIRST_INDEXES:
        db.execute(f"create index {table}_{indexed.replace(', ', '_')} on {table} ({indexed})")


@migrations()  # type: ignore[untyped-decorator]
def m003_strict_tests(db: Database) -> None:
    """The strict tier's tests, and indexes for what every batch of replays looks up."""
    db.execute(
        "create table strict_tests (id integer primary key, candidate integer not null references candidates,"
        " incumbent text not null, alpha real not null, at text not null, unique (candidate, incumbent))"
    )
    for indexed in ("asked", "night", "ticket, candidate"):
        db.execute(f"create index replays_{indexed.replace(', ', '_')} on replays ({indexed})")


@migrations()  # type: ignore[untyped-decorator]
def m002_tests_passed(db: Database) -> None:
    """Whether the tests alone passed; null where that is not known.

    The verdict holds the acceptance checks too.
    """
    db.execute("alter table replays add column tests_passed integer")


@migrations()  # type: ignore[untyped-decorator]
def m004_calls(db: Database) -> None:
    """A row for every model call, and which stages of a night are done.

    Earlier calls were summed, one row for each replay or task; these rows move over.
    """
    db.execute(
        "create table calls (id integer primary key, at text not null, night integer, role text not null,"
        " candidate integer, replay text, asked text, model text, calls integer not null default 1,"
        " input_tokens integer not null default 0, output_tokens integer not null default 0,"
        " cache_read_tokens integer, cache_write_tokens integer, usd real,"
        " reserved_tokens integer not null default 0, reserved_usd real, ended text)"
    )
    db.execute(
        "insert into calls (at, night, role, candidate, model, calls, input_tokens, usd, ended)"
        " select at, night, role, candidate, model, calls, tokens, usd, 'answered' from ledger where calls > 0"
    )
    db.execute(
        "insert into calls (at, night, role, candidate, replay, model, calls, input_tokens, output_tokens,"
        " cache_read_tokens, cache_write_tokens, usd, ended) select started_at, night, 'worker', candidate, id, model,"
        " calls, input_tokens, output_tokens, cache_read_tokens, cache_write_tokens, usd, 'answered' from replays"
        " where calls > 0"
    )
    db.execute("drop table ledger")
    for column in ("night", "candidate", "replay"):
        db.execute(f"create index calls_{column} on calls ({column})")
    db.execute(
        "create table stages (night integer not null references nights, stage text not null, done_at text not null,"
        " detail text not null, primary key (night, stage))"
    )


@migrations()  # type: ignore[untyped-decorator]
def m005_feedback_tickets(db: Database) -> None:
    """Which pull requests were tried as tickets, in which state, and the result."""
    db.execute(
        "create table feedback_tickets (key text primary key, digest text not null, fix_commit text not null,"
        " ticket text, status text not null, reason text not null)"
    )


@migrations()  # type: ignore[untyped-decorator]
def m006_feedback_parts(db: Database) -> None:
    """What each source says of a pull request; `feedback` has the reconciled record."""
    db.execute(
        "create table feedback_parts (key text not null, source text not null, record text not null,"
        " primary key (key, source))"
    )
    db.execute("delete from cursors")  # so that every source is read once more, and says its part


@migrations()  # type: ignore[untyped-decorator]
def m007_published(db: Database) -> None:
    """Which proposals have a pull request on GitHub."""
    db.execute(
        "create table published (proposal integer primary key references proposals, repository text not null,"
        " number integer not null, url text not null, at text not null)"
    )


@migrations()  # type: ignore[untyped-decorator]
def m008_excused(db: Database) -> None:
    """Which void replays count for nothing: those of an outage, and all from before a void counted."""
    db.execute("alter table replays add column excused integer not null default 0")
    db.execute("update replays set excused = 1 where verdict = 'void'")


@migrations()  # type: ignore[untyped-decorator]
def m009_alarms(db: Database) -> None:
    """Which failed replays forged their results, the alarms raised, and what the acceptance checks objected to."""
    db.execute("alter table replays add column tampered integer not null default 0")
    db.execute("alter table replays add column alarms text not null default '[]'")
    db.execute("alter table replays add column objections text not null default '[]'")


FIRST_TABLES = {
    "tickets": [
        "id text primary key",
        "title text not null",
        "status text not null check (status in ('new', 'admitted', 'quarantined'))",
        "reason text not null default ''",
        "held_out integer not null default 1",  # what only the gate may use
        "decisions integer not null default 0",  # gate decisions it has served as a held-out ticket
        "source text not null",
        "added_at text not null",
        "record text not null",  # meta.records.ticket.Ticket as JSON
    ],
    "feedback": [
        "key text primary key",  # owner/name#number
        "kind text not null",
        "cause text not null",
        "cause_by text",
        "version text",
        "digest text not null",
        "seen_at text not null",
        "record text not null",  # feedback.outcome.Outcome as JSON
    ],
    "cursors": ["source text primary key", "cursor text not null", "at text not null"],
    "incumbents": [  # promotions, the newest row is in use; pool draws count since it
        "id integer primary key",
        "version text not null",
        "model text not null",
        "since text not null",
        "proposal integer",
    ],
    "nights": [
        "id integer primary key",
        "started_at text not null",
        "ended_at text",
        "budget integer not null",  # replays
        "stage text not null",
        "report text",
    ],
    "candidates": [
        "id integer primary key",
        "night integer not null references nights",
        "status text not null",  # meta.records.candidate.State
        "why text not null default ''",
        "parent text not null",  # version it was tested against
        "version text",
        "commit_id text",
        "title text not null",
        "theme text not null",
        "record text not null",  # meta.records.candidate.Edit as JSON
        "made_at text not null",
    ],
    "gate_tests": [
        "candidate integer primary key references candidates",
        "incumbent text not null",
        "tickets text not null",  # JSON list: index in the gate -> ticket id
        "record text not null",  # meta.gate.gate_record.GateRecord as JSON, after every batch
        "decided_at text",
    ],
    "replays": [
        "id text primary key",
        "ticket text not null",
        "version text not null",
        "purpose text not null",
        "verdict text not null check (verdict in ('passed', 'failed', 'void'))",
        "reason text not null",
        "ended text not null",
        "candidate integer",
        "night integer",
        "promotion integer",  # the incumbents row in force when it was made
        "model text",
        "calls integer not null",
        "input_tokens integer not null",
        "output_tokens integer not null",
        "cache_read_tokens integer",
        "cache_write_tokens integer",
        "usd real",
        "seconds real not null",
        "grading_seconds real not null",
        "started_at text not null",
        "diff text not null",
        "summary text not null",
        "asked integer not null",
    ],
    "transcripts": ["replay text primary key references replays", "events blob not null"],  # zlib of JSON lines
    "ledger": [  # model calls that are not part of a replay
        "id integer primary key",
        "at text not null",
        "role text not null",
        "model text",
        "calls integer not null",
        "tokens integer not null",
        "usd real",
        "night integer",
        "candidate integer",
    ],
    "proposals": [
        "id integer primary key",
        "candidate integer not null references candidates",
        "branch text not null",
        "commit_id text not null",
        "base_commit text not null",
        "status text not null check (status in ('pending', 'accepted', 'rejected', 'rolled_back', 'stale'))",
        "reason text not null default ''",
        "merge_commit text",
        "made_at text not null",
        "decided_at text",
    ],
}

FIRST_INDEXES = [
    ("replays", "version, ticket, purpose"),
    ("replays", "candidate"),
    ("candidates", "night"),
    ("tickets", "status"),
]
