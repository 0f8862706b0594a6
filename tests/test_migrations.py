"""An old runs.db is copied, then brought up to date: all of it or nothing, whenever it is killed."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from sqlite_utils import Database

from meta.errors import MetaError
from meta.store import database
from meta.store.database import open_database
from meta.store.migrations import migrations
from meta.store.store import Store
from tests.test_store import ticket

OLD = ("m003_strict_tests", "m004_calls", "m006_feedback_parts")
"""Stopped before these: three ages that a runs.db may have."""


def old(path: Path, before: str) -> Path:
    """A runs.db of an earlier day, with something in it."""
    db = Database(sqlite3.connect(path, isolation_level=None))
    db.conn.execute("pragma journal_mode = wal")
    migrations.apply(db, stop_before=before)
    record = ticket().model_dump_json()
    db.conn.execute("begin")
    db.conn.execute(
        "insert into tickets values ('t-1', 'Mend it', 'admitted', '', 1, 0, '', '2026-01-01', ?)", (record,)
    )
    db.conn.execute("insert into nights values (1, '2026-01-01', null, 40, 'tune', null)")
    for number in range(300):
        db.conn.execute(
            "insert into replays (id, ticket, version, purpose, verdict, reason, ended, calls, input_tokens,"
            " output_tokens, seconds, grading_seconds, started_at, diff, summary, asked) values (?, 't-1', 'v', 'gate',"
            " 'passed', 'r', 'submitted', 2, 100, 10, 1.0, 1.0, '2026-01-01', ?, '', 1)",
            (f"r-{number}", "+x" * 500),
        )
        if db["calls"].exists():
            db.conn.execute("insert into calls (at, role, input_tokens) values ('2026-01-01', 'worker', 100)")
    db.conn.execute("commit")
    db.conn.close()
    return path


def content(path: Path) -> dict[str, list[tuple[object, ...]]]:
    """Every row of every table, by the table's name."""
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("pragma integrity_check").fetchone() == ("ok",)
        names = [row[0] for row in db.execute("select name from sqlite_master where type = 'table'")]
        return {name: db.execute(f"select * from {name} order by rowid").fetchall() for name in names}


@pytest.mark.parametrize("before", OLD)
def test_an_old_one_is_copied_whole_before_it_is_migrated_and_loses_nothing(tmp_path: Path, before: str) -> None:
    path = old(tmp_path / "runs.db", before)
    was = content(path)
    store = Store(path)
    assert [r.id for r in store.replays.all()] == [f"r-{n}" for n in range(300)]
    assert [t.id for t in store.tickets.admitted()] == ["t-1"]
    assert [call.input_tokens for call in store.calls.all()] == [100] * 300
    store.close()
    assert content(tmp_path / "runs.db.before-migration") == was
    shutil.copy(tmp_path / "runs.db.before-migration", tmp_path / "again.db")
    Store(tmp_path / "again.db").close()  # the copy can be used in its place
    assert content(tmp_path / "again.db")["replays"] == content(path)["replays"]


def test_one_that_is_up_to_date_is_not_copied(tmp_path: Path) -> None:
    Store(tmp_path / "runs.db").close()
    Store(tmp_path / "runs.db").close()
    assert not list(tmp_path.glob("*migration*"))


def killed_while(doing: Callable[[], object]) -> bool:
    """Do this in a process of its own; whether it was killed over it."""
    child = os.fork()
    if not child:
        try:
            doing()
        finally:
            os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL


def test_killed_at_any_statement_it_loses_nothing_and_the_next_start_migrates(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = old(tmp_path / "model.db", OLD[1])
    was, connect = content(model), sqlite3.connect
    number, killed = 0, True
    while killed:
        folder = tmp_path / str(number)
        folder.mkdir()
        path = Path(shutil.copy(model, folder / "runs.db"))
        left = number

        def count(statement: str) -> None:
            nonlocal left
            if not left:
                os.kill(os.getpid(), signal.SIGKILL)
            left -= 1

        def traced(*args: object, **more: object) -> sqlite3.Connection:
            connection: sqlite3.Connection = connect(*args, **more)  # type: ignore[call-overload]
            connection.set_trace_callback(count)  # also what SQLite runs by itself, such as a copy's pages
            return connection

        with monkeypatch.context() as patch:
            patch.setattr(sqlite3, "connect", traced)
            killed = killed_while(lambda at=path: open_database(at))  # type: ignore[misc]
        now = content(path)
        assert now["replays"][0][:4] == was["replays"][0][:4]
        assert len(now["replays"]) == 300
        assert ("ledger" in now) != ("calls" in now)  # the old schema or the new one, nothing between
        copy = folder / "runs.db.before-migration"
        assert not copy.exists() or content(copy) == was
        assert copy.exists() or "calls" not in now
        store = Store(path)
        assert len(store.calls.all()) == 300
        store.close()
        assert content(copy) == was
        number += 3
    assert number > 20


@pytest.mark.parametrize("moment", ["while it is copied", "between copy and migration"])
def test_killed_around_the_copy_it_is_copied_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    path = old(tmp_path / "runs.db", OLD[1])
    was = content(path)

    def die(*_: object) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    with monkeypatch.context() as patch:
        if moment == "while it is copied":
            patch.setattr(Path, "replace", die)
        else:
            patch.setattr(migrations, "apply", die)
        assert killed_while(lambda: open_database(path))
    assert content(path) == was
    Store(path).close()
    assert content(tmp_path / "runs.db.before-migration") == was
    assert not (tmp_path / "runs.db.copying").exists()


def test_several_that_open_an_old_one_at_once_migrate_it_once(tmp_path: Path) -> None:
    path = old(tmp_path / "runs.db", OLD[0])
    was = content(path)
    ready, go = os.pipe()
    children = []
    for _ in range(6):
        child = os.fork()
        if not child:
            os.close(go)
            os.read(ready, 1)
            try:
                open_database(path).conn.close()
                os._exit(0)
            finally:
                os._exit(1)
        children.append(child)
    os.close(go)
    os.close(ready)
    assert [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children] == [0] * 6
    assert len(content(path)["calls"]) == 300
    assert content(tmp_path / "runs.db.before-migration") == was


def test_where_no_copy_can_be_made_nothing_is_migrated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = old(tmp_path / "runs.db", OLD[1])
    was = content(path)

    def full(*_: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(database, "back_up", full)
    with pytest.raises(MetaError, match="the disk is full"):
        open_database(path)
    assert content(path) == was
