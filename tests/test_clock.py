"""A clock that jumps, in the middle of a night or between two, does no harm."""

from __future__ import annotations

import datetime as real
import os
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from meta.app import App
from meta.nights import intake
from meta.nights.deadline import Deadline
from meta.nights.stages import Stage
from meta.nights.upkeep import prune_transcripts
from meta.project import Project
from meta.records.account import Account
from meta.records.replay import Replay
from meta.replay.run import FinishedReplay, ReplayJob
from meta.replay.simulated import SimulatedExecutor
from meta.settings import Settings
from meta.store.backups import advise_restore
from meta.store.store import Store
from tests.messages_server import script, serving
from tests.raw_database import run_raw
from tests.repositories import Repository
from tests.test_nightly import NOTHING, PROPOSES, Unwatched

DAY = real.timedelta(days=1)


class Clock:
    """The clock on the wall, as all of meta reads it. What has gone by since is not in its power."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.ahead = real.timedelta()
        clock, seconds = self, time.time

        class Jumping(real.datetime):
            @classmethod
            def now(cls, tz: real.tzinfo | None = None) -> Jumping:
                return super().now(tz) + clock.ahead

        monkeypatch.setattr(time, "time", lambda: seconds() + clock.ahead.total_seconds())
        for name, module in list(sys.modules.items()):
            if name.startswith("meta.") and getattr(module, "datetime", None) is real.datetime:
                monkeypatch.setattr(module, "datetime", Jumping)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


class JumpsAfter:
    """An executor under which the clock jumps once so many replays are made."""

    def __init__(self, inner: SimulatedExecutor, clock: Clock, jump: real.timedelta, after: int) -> None:
        self.inner, self.parallel, self.clock, self.jump, self.left = inner, inner.parallel, clock, jump, after

    def run(self, jobs: Iterable[ReplayJob]) -> Iterator[tuple[ReplayJob, FinishedReplay]]:
        for job, finished in self.inner.run(jobs):
            self.left -= 1
            if not self.left:
                self.clock.ahead += self.jump
            at = real.datetime.now(real.UTC) + self.clock.ahead
            replay = finished.replay.model_copy(update={"started_at": at.isoformat(timespec="milliseconds")})
            yield job, FinishedReplay(replay, ({"kind": "start"},))


def small(folder: Path) -> Unwatched:
    return Unwatched(folder / "agent", tickets=12, budget=60)


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> Account:
    """What the night comes to when nothing happens."""
    with serving(script(PROPOSES)) as served:
        return small(tmp_path_factory.mktemp("plain")).over(served.url).account


@pytest.mark.parametrize("jump", [DAY, -DAY, 400 * DAY], ids=str)
def test_a_night_whose_clock_jumps_decides_as_it_would_have_and_the_next_one_is_well(
    tmp_path: Path, expected: Account, clock: Clock, jump: real.timedelta
) -> None:
    house = small(tmp_path)
    assert isinstance(house.executor, SimulatedExecutor)
    with serving(script(PROPOSES, NOTHING)) as served:
        over = house.over(served.url, JumpsAfter(house.executor, clock, jump, 15))
        later = house.over(served.url)
    assert over.code == (4 if expected.out_of_budget else 0)
    assert not over.account.problems
    assert [(t.status, t.why, t.replays) for t in over.account.tried] == [
        (t.status, t.why, t.replays) for t in expected.tried
    ]
    assert over.account.replays == expected.replays
    assert (later.code in (0, 3, 4), later.account.night) == (True, over.account.night + 1)
    store = house.app().store
    assert run_raw(store.path, "select count(*) from transcripts") == [(len(store.replays.all()),)]
    assert {path.name for path in house.root.glob("runs.db.backup*")} == {"runs.db.backup", "runs.db.backup.1"}


@pytest.mark.parametrize(("jump", "early"), [(DAY, True), (-DAY, False)], ids=str)
def test_a_night_with_a_deadline_ends_by_whichever_says_first_that_it_is_over(
    tmp_path: Path, clock: Clock, jump: real.timedelta, early: bool
) -> None:
    house = small(tmp_path)
    assert isinstance(house.executor, SimulatedExecutor)
    until = (real.datetime.now().astimezone() + real.timedelta(hours=3)).strftime("%H:%M")
    with serving(script(PROPOSES, PROPOSES)) as served:
        over = house.over(served.url, JumpsAfter(house.executor, clock, jump, 15), until=until)
        assert over.account.stopped.startswith(f"it is {until}") == early
        clock.ahead = real.timedelta()
        if early:
            house.over(served.url)
    store = house.app().store
    assert store.candidates.all()[0].status != "proposed"  # it was tested, if a night later


def test_a_clock_that_is_set_back_lengthens_no_night(clock: Clock) -> None:
    deadline = Deadline(real.datetime.now().astimezone() + real.timedelta(seconds=0.1))
    clock.ahead = -DAY
    time.sleep(0.2)
    assert deadline.left == 0


def test_a_replay_that_was_made_while_the_clock_was_far_behind_keeps_its_transcript(tmp_path: Path) -> None:
    settings = Settings(root=tmp_path)
    store = App(Project(settings)).store
    today = real.datetime.now(real.UTC)
    for number, at in enumerate([today - 300 * DAY, today, real.datetime(1970, 1, 1, tzinfo=real.UTC), today]):
        made = Replay(
            id=f"r-{number}",
            ticket="t",
            version="v",
            purpose="gate",
            verdict="failed",
            reason="",
            ended="submitted",
            started_at=at.isoformat(),
        )
        store.replays.add(made, [{"kind": "start"}])
    night = store.nights.resume_or_open(10)
    assert prune_transcripts(store, night, settings.nightly) == {"transcripts_removed": 1}
    assert [bool(store.transcripts.of_replay(f"r-{number}")) for number in range(4)] == [False, True, True, True]


def test_the_copy_that_is_offered_is_the_one_that_holds_the_most_whatever_its_date(tmp_path: Path) -> None:
    path = tmp_path / "runs.db"
    for name, replays in (("backup.1", 3), ("backup", 5), ("before-migration", 1)):
        store = Store(tmp_path / f"runs.db.{name}")
        for number in range(replays):
            made = {"id": f"r-{number}", "ticket": "t", "version": "v", "purpose": "gate", "verdict": "failed"}
            store.replays.add(Replay.model_validate({**made, "reason": "", "ended": "submitted"}))
        store.close()
    yesterday = time.time() - 86400
    os.utime(tmp_path / "runs.db.backup", (yesterday, yesterday))  # the clock had been set back
    assert "cp runs.db.backup runs.db" in advise_restore(path)
    assert "holds 5 replays" in advise_restore(path)


# Mining, which remembers a day.


@pytest.fixture
def shop(tmp_path: Path) -> Repository:
    """A history of which no ticket can be made, and that is quickly seen."""
    shop = Repository(tmp_path / "shop", {"src/a.py": "A = 0\n", "tests/test_a.py": "def test_a():\n    pass\n"})
    today = real.date.today()
    for number in (1, 2, 3):
        day = str(today - DAY * (40 - 10 * number))
        files = {"src/a.py": f"A = {number}\n", "tests/test_a.py": f"def test_a():\n    assert {number}\n"}
        shop.commit(files, "wip", day=day)
    return shop


def mining(tmp_path: Path, shop: Repository) -> App:
    settings = {"root": tmp_path, "nightly": {"mine": 2}, "repositories": [{"path": str(shop.path), "name": "a/shop"}]}
    return App(Project(Settings.model_validate(settings)))


def looked_at(app: App, monkeypatch: pytest.MonkeyPatch, deadline: Deadline | None = None) -> int:
    """Changes that a night's mining tried."""
    seen: list[str] = []
    inner = intake.mine_into_store

    def counting(*args: object, **options: object) -> Iterator[object]:
        for found in inner(*args, **options):  # type: ignore[arg-type]
            seen.append(found.fix_commit)
            yield found

    with monkeypatch.context() as patch:
        patch.setattr(intake, "mine_into_store", counting)
        detail = intake.mine_tickets(app.project, app.store, app.workshop, deadline or Deadline())
    assert not detail["problems"]
    night = app.store.nights.resume_or_open(10)
    app.store.nights.finish_stage(night.id, Stage.MINING, detail)
    return len(seen)


def test_what_is_merged_is_mined_also_after_the_clock_had_been_a_year_ahead(
    tmp_path: Path, shop: Repository, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = mining(tmp_path, shop)
    clock.ahead = 365 * DAY
    assert looked_at(app, monkeypatch) == 3
    clock.ahead = real.timedelta()
    assert looked_at(app, monkeypatch) == 0
    shop.commit(
        {"src/a.py": "A = 9\n", "tests/test_a.py": "def test_a():\n    assert 9\n"}, "wip", day=str(real.date.today())
    )
    assert looked_at(app, monkeypatch) == 1


def test_what_a_night_had_no_time_to_mine_is_mined_by_the_next_one(
    tmp_path: Path, shop: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    app, deadline = mining(tmp_path, shop), Deadline(real.datetime.now().astimezone())  # nothing is left of it
    assert looked_at(app, monkeypatch, deadline) == 1
    assert looked_at(app, monkeypatch) == 2
    assert looked_at(app, monkeypatch) == 0
