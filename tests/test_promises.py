"""What was promised, beside what became of real pull requests; and looking after runs.db."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from feedback.outcome import Cause, Outcome, OutcomeKind
from meta.app import App
from meta.errors import MetaError
from meta.look.night_page import night_page
from meta.look.status_page import status_page as status
from meta.nights.bookkeeping import gather_account
from meta.nights.promises import compare_promises, is_drop
from meta.nights.stages import Stage
from meta.nights.upkeep import check_and_back_up, prune_transcripts
from meta.project import Project, ignore_report
from meta.proposals.decision import accept_proposal
from meta.records.account import MergeRate
from meta.records.replay import Replay
from meta.settings import Settings
from meta.store.nights import STAGE_BEGUN
from meta.store.store import Store
from meta.store.summary import read_summary as gather_status
from tests.test_night import GOOD, House, Scripted, edit


def outcome(
    number: int, kind: OutcomeKind, days: float, version: str | None = None, cause: Cause = Cause.UNKNOWN
) -> Outcome:
    return Outcome(
        repository="o/r",
        number=number,
        title="t",
        kind=kind,
        agent="bot",
        recognised_by="trailer",
        cause=cause,
        opened_at=datetime.now(UTC) + timedelta(days=days),
        version=version,
    )


@pytest.mark.parametrize(
    ("before", "after", "drop"),
    [((15, 20), (4, 20), True), ((15, 20), (13, 20), False), ((5, 5), (0, 5), False), ((4, 20), (15, 20), False)],
)
def test_a_drop_is_what_chance_does_not_explain(before: tuple[int, int], after: tuple[int, int], drop: bool) -> None:
    assert is_drop(MergeRate(merged=before[0], of=before[1]), MergeRate(merged=after[0], of=after[1])) is drop


def test_a_merged_change_whose_pull_requests_got_worse_is_raised_with_a_branch_that_undoes_it(tmp_path: Path) -> None:
    house = House(tmp_path / "agent")
    app = house.app()
    store, versions = app.store, app.versions
    done = house.tune(Scripted(edit("Rules first", GOOD, "convention")))
    [proposal] = done.proposals
    accepted = accept_proposal(store, versions, proposal)
    assert accepted.merge_commit
    version = versions.at(accepted.merge_commit).id
    for number in range(1, 21):
        store.outcomes.save(outcome(number, OutcomeKind.MERGED if number % 4 else OutcomeKind.REVISED, -10))
        store.outcomes.save(
            outcome(100 + number, OutcomeKind.REVISED if number % 4 else OutcomeKind.MERGED, 1, version)
        )
    for number in range(1, 5):  # none of these says anything about the agent
        store.outcomes.save(outcome(200 + number, OutcomeKind.REJECTED, 1, version, Cause.SUPERSEDED))
        store.outcomes.save(outcome(300 + number, OutcomeKind.OPEN, 1, version))
    head = house.git("rev-parse", "HEAD")
    [promise] = compare_promises(store, versions, ignore_report)["promises"]
    assert (promise["before"], promise["after"]) == ({"merged": 15, "of": 20}, {"merged": 5, "of": 20})
    assert promise["dropped"]
    assert promise["branch"] == "meta/rollback-1"
    assert GOOD not in house.git("show", "meta/rollback-1:worker_agent/prompts/system.md")
    assert house.git("rev-parse", "HEAD") == head
    commit = house.git("rev-parse", "meta/rollback-1")
    compare_promises(store, versions, ignore_report)
    assert house.git("rev-parse", "meta/rollback-1") == commit

    store.nights.finish_stage(done.night, STAGE_BEGUN)
    store.nights.finish_stage(done.night, Stage.COMPARE, compare_promises(store, versions, ignore_report))
    [line] = [line for line in status(gather_status(house.root)).splitlines() if line.startswith("promise")]
    assert line == (
        "promise     proposal 1: replays 46% -> 92%; pull requests merged unchanged: 75% (53% to 89%) of 20 before,"
        " 25% (11% to 47%) of 20 since; IT DROPPED: `meta proposals rollback 1`"
    )
    account = gather_account(store, done.night)
    assert [d.command for d in account.decide] == ["meta proposals rollback 1"]
    assert "roll back proposal 1?" in night_page(account)


# Looking after runs.db.

MADE = {"ticket": "t", "version": "v", "purpose": "measure", "verdict": "passed", "reason": "r", "ended": "submitted"}


def filled(root: Path, **nightly: object) -> App:
    app = App(Project(Settings.model_validate({"root": root, "nightly": nightly})))
    for number in reversed(range(30)):
        began = datetime.now(UTC) - timedelta(days=number * 10)
        replay = Replay.model_validate(MADE | {"id": f"r-{number}", "started_at": began.isoformat()})
        app.store.replays.add(replay, [{"kind": "tool", "result": f"{number}" * 9000}])
    return app


def test_old_transcripts_go_and_verdicts_stay(tmp_path: Path) -> None:
    app = filled(tmp_path, keep_days=95)
    night = app.store.nights.resume_or_open(10)
    assert prune_transcripts(app.store, night, app.settings.nightly) == {"transcripts_removed": 20}
    assert app.store.replays.count_for("measure") == 30
    assert app.store.transcripts.of_replay("r-3")
    assert not app.store.transcripts.of_replay("r-25")


def test_a_copy_is_made_once_a_day_and_offered_when_runs_db_is_damaged(tmp_path: Path) -> None:
    app = filled(tmp_path)
    check_and_back_up(app.store, ignore_report)
    check_and_back_up(app.store, ignore_report)
    assert (tmp_path / "runs.db.backup").exists()
    assert not (tmp_path / "runs.db.backup.1").exists()
    app.store.compact()  # all of it is in the one file then
    app.close()
    path = tmp_path / "runs.db"
    content = bytearray(path.read_bytes())
    for start in range(3 * 4096, len(content) - 4096, 2 * 4096):
        content[start : start + 3000] = b"x" * 3000
    path.write_bytes(content)
    with pytest.raises(MetaError, match="damaged") as caught:
        check_and_back_up(App(Project(Settings(root=tmp_path))).store, ignore_report)
    assert "cp runs.db.backup runs.db" in caught.value.remedy
    assert "30 replays" in caught.value.remedy


def test_a_copy_is_made_also_after_the_clock_was_set_back(tmp_path: Path) -> None:
    app = filled(tmp_path)
    check_and_back_up(app.store, ignore_report)
    later = time.time() + 3 * 86400
    os.utime(tmp_path / "runs.db.backup", (later, later))
    check_and_back_up(app.store, ignore_report)
    assert (tmp_path / "runs.db.backup.1").exists()
    assert (tmp_path / "runs.db.backup").stat().st_mtime < later


def test_a_reader_never_stops_a_writer_nor_sees_half_a_replay(tmp_path: Path) -> None:
    store = Store(tmp_path / "runs.db")
    code = (
        "import sqlite3, sys, time\n"
        "db = sqlite3.connect(f'file:{sys.argv[1]}?mode=ro', uri=True)\n"
        "print('in', flush=True); end = time.monotonic() + 3; n = 0\n"
        "while time.monotonic() < end and n < 200:\n"
        "    sql = 'select (select count(*) from replays), (select count(*) from transcripts)'\n"
        "    a, b = db.execute(sql).fetchone(); assert a == b, (a, b); assert a >= n; n = a\n"
        "print(n)"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "runs.db")]
    reader = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert reader.stdout is not None
    reader.stdout.readline()
    for number in range(200):
        replay = Replay.model_validate(MADE | {"id": f"{number}"})
        store.replays.add(replay, [{"kind": "end"}])
    out, _ = reader.communicate(timeout=30)
    assert reader.returncode == 0
    assert int(out) > 0
