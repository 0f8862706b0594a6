"""runs.db: made on first run, durable, refused when it is not ours to write."""

from __future__ import annotations

import re
import sqlite3
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from meta.errors import MetaError
from meta.records.candidate import Edit
from meta.records.replay import Replay
from meta.records.ticket import Admission, Grader, Ticket
from meta.store.calls import PlannedCall
from meta.store.database import open_database
from meta.store.store import Store
from meta.store.writer_lock import hold_writer_lock
from tests.raw_database import run_raw
from worker_agent.records import Usage


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "runs.db")


def ticket(name: str = "t-1", title: str = "Mend it") -> Ticket:
    return Ticket(id=name, title=title, repo="/r", base_commit="HEAD", grader=Grader(fail_to_pass=("t.py::test_x",)))


def replay(name: str, verdict: str = "passed", **more: object) -> Replay:
    return Replay.model_validate(
        {"id": name, "ticket": "t-1", "version": "v", "purpose": "gate", "verdict": verdict, "reason": "r"}
        | {"ended": "submitted"}
        | more
    )


def test_it_is_made_on_first_run_and_opened_again(tmp_path: Path) -> None:
    Store(tmp_path / "runs.db").tickets.add(ticket())
    assert [t.id for t in Store(tmp_path / "runs.db").tickets.all()] == ["t-1"]


def test_a_promotion_empties_the_pool_of_draws(store: Store) -> None:
    store.tickets.add(ticket())
    store.replays.add(replay("seen", "failed"), promotion=store.incumbents.promote("v", "m"))
    assert store.replays.pool_draws("t-1", "v") == [0.0]
    promotion = store.incumbents.promote("v", "another model")
    assert store.replays.pool_draws("t-1", "v") == []
    store.replays.add(replay("later"), promotion=promotion)
    store.replays.add(replay("tried", candidate=1), promotion=promotion)
    assert store.replays.pool_draws("t-1", "v") == [1.0]


def test_a_newer_one_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "runs.db"
    db = open_database(path)
    db["_sqlite_migrations"].insert({"migration_set": "meta", "name": "m999_later", "applied_at": "2099-01-01"})
    db.conn.close()
    before = path.read_bytes()
    with pytest.raises(MetaError, match=r"newer meta \(it has m999_later\)"):
        open_database(path)
    assert path.read_bytes() == before


def test_what_is_no_database_is_named(tmp_path: Path) -> None:
    (tmp_path / "runs.db").write_bytes(b"these are not the rows you are looking for" * 100)
    with pytest.raises(MetaError, match="not an SQLite database"):
        open_database(tmp_path / "runs.db")


def test_one_that_another_program_holds_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("meta.store.database.BUSY_SECONDS", 0.2)
    path = tmp_path / "runs.db"
    with sqlite3.connect(path) as other:
        other.execute("begin exclusive")
        with pytest.raises(MetaError, match="another program has kept"):
            open_database(path)


def test_two_writers_at_once_are_told_of_each_other(tmp_path: Path) -> None:
    path = tmp_path / "runs.db"
    with hold_writer_lock(path, "propose"):
        code = (
            "import sys; from pathlib import Path\n"
            "from meta.errors import MetaError; from meta.store.writer_lock import hold_writer_lock\n"
            "try:\n  with hold_writer_lock(Path(sys.argv[1]), 'replay'): print('in')\n"
            "except MetaError as e: print(e.code, e.message)"
        )
        other = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True)
    assert other.stdout.startswith("3 another meta is using")
    assert "`meta propose`" in other.stdout
    with hold_writer_lock(path, "replay"):
        pass


def test_a_changed_ticket_has_to_prove_itself_anew(store: Store) -> None:
    assert store.tickets.add(ticket())
    store.tickets.record_admission(ticket(), Admission(ticket="t-1", status="admitted"))
    assert not store.tickets.add(ticket())
    assert store.tickets.admitted()
    assert store.tickets.add(ticket(title="Mend it well"))
    assert not store.tickets.admitted()


def test_a_replay_comes_back_as_it_was_with_its_transcript(store: Store) -> None:
    made = replay("r-1", diff="+x", rank=4)
    store.replays.add(made, [{"kind": "start"}, {"kind": "end", "ended": "submitted"}], night=None)
    assert store.replays.all() == [made]
    assert [e["kind"] for e in store.transcripts.of_replay("r-1")] == ["start", "end"]


def test_what_is_written_together_is_kept_together_or_not_at_all(store: Store) -> None:
    with suppress(KeyboardInterrupt), store.all_or_nothing():
        night = store.nights.resume_or_open_tuning(10)
        store.candidates.add(night.id, "v", Edit(title="Better"))
        with store.all_or_nothing():
            store.replays.add(replay("r-1"), [{"kind": "start"}])
        raise KeyboardInterrupt
    assert store.candidates.all() == []
    assert store.replays.all() == []
    assert store.transcripts.of_replay("r-1") == []
    store.tickets.add(ticket())  # and what is written alone is in the file at once
    assert run_raw(store.path, "select id from tickets") == [("t-1",)]


def test_threads_that_share_a_store_keep_out_of_each_others_blocks(store: Store) -> None:
    def add(names: list[str]) -> None:
        for name in names:
            store.outcomes.set_cursor(name, "c")

    others = threading.Thread(target=add, args=([f"s-{number}" for number in range(50)],))
    with suppress(KeyboardInterrupt), store.all_or_nothing():
        others.start()
        for number in range(50):
            store.replays.add(replay(f"r-{number}"))
        raise KeyboardInterrupt
    others.join()
    assert store.replays.all() == []
    assert all(store.outcomes.cursor(f"s-{number}") for number in range(50))


def test_a_void_replay_counts_against_no_budget(store: Store) -> None:
    night = store.nights.resume_or_open_tuning(10).id
    for name, verdict in (("a", "passed"), ("b", "void"), ("c", "failed")):
        store.replays.add(replay(name, verdict), night=night)
    assert store.replays.count_used(night) == 2


def test_an_unfinished_night_is_taken_up_again(store: Store) -> None:
    night = store.nights.resume_or_open_tuning(10)
    assert not night.resumed
    again = store.nights.resume_or_open_tuning(20)
    assert (again.id, again.budget, again.resumed) == (night.id, 10, True)
    store.nights.end_tuning(night.id, {})
    later = store.nights.resume_or_open_tuning(10)
    assert (later.id, later.resumed) == (night.id + 1, False)


def test_a_candidate_moves_only_along_the_table_of_states(store: Store) -> None:
    night = store.nights.resume_or_open_tuning(10).id
    candidate = store.candidates.add(night, "v", Edit(title="Better"))
    testing = store.candidates.move(candidate, "testing")
    kept = store.candidates.move(testing, "kept", "evidence 12")
    assert store.candidates.all()[0] == kept
    with pytest.raises(ValueError, match="cannot go from kept to refused"):
        store.candidates.move(kept, "refused")


def test_promotion_starts_a_new_count_of_draws(store: Store) -> None:
    first, second = store.incumbents.promote("v", "m"), store.incumbents.promote("w", "m")
    incumbent = store.incumbents.current()
    assert incumbent is not None
    assert (incumbent.version, incumbent.id) == ("w", second)
    assert second > first


def test_what_is_asked_for_every_replay_or_batch_uses_an_index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    statements: list[str] = []
    connect = sqlite3.connect

    def traced(*args: Any, **options: Any) -> sqlite3.Connection:
        connection = connect(*args, **options)
        connection.set_trace_callback(statements.append)
        return connection

    monkeypatch.setattr(sqlite3, "connect", traced)
    store = Store(tmp_path / "runs.db")
    night = store.nights.resume_or_open_tuning(10).id
    candidate = store.candidates.add(night, "v", Edit(title="Better"))
    promotion = store.incumbents.promote("v", "m")
    statements.clear()
    store.replays.add(replay("r-1", candidate=candidate.id), [{"kind": "start"}], night, promotion)
    store.replays.last_rank()
    store.replays.pool_draws("t-1", "v")
    store.replays.prior_counts("t-1", "v", 40)
    store.replays.baseline("v", ["t-1", "t-2"])
    store.replays.newest_shared("v", "t-1", 40)
    store.replays.of_candidate(candidate.id)
    store.replays.of_race(candidate.id)
    store.replays.race_opponent(candidate.id)
    store.replays.gate_draws(candidate)
    store.replays.tickets_tested(candidate.id)
    store.replays.count_of_candidate(candidate.id)
    store.replays.gate_outcomes(candidate.id)
    store.replays.count_used(night)
    store.replays.cost_of_night(night)
    store.transcripts.of_replay("r-1")
    store.incumbents.current()
    store.gate_tests.find(candidate.id)
    store.candidates.move(candidate, "testing")
    store.tickets.find("t-1")
    store.calls.end(store.calls.begin(PlannedCall("worker", "m", 1, None, night)), "answered", "m", Usage())
    store.calls.spent(night)
    store.calls.cost_of_candidate(candidate.id)
    asked = [sql for sql in statements if sql.lower().startswith(("select", "update", "insert"))]
    assert len(asked) > 25
    plans = {sql: run_raw(store.path, f"explain query plan {sql}") for sql in asked}
    large = re.compile(r"SCAN (replays|transcripts|calls|tickets|candidates|r|t|c)\b")
    assert [sql for sql, plan in plans.items() if any(large.match(step[-1]) for step in plan)] == []
    store.close()
