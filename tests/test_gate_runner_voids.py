"""Void replays in the gate on runs.db: outages, feigned outages, and tests that are cut short and resumed."""

from __future__ import annotations

import hashlib
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlite_utils import Database

from meta.errors import BudgetSpent, MetaError, ServiceDown
from meta.gate.gate_record import GateConfig, GateDecision, GateRecord
from meta.project import ignore_report
from meta.records.candidate import Candidate, Edit
from meta.records.replay import MACHINE_FAULT, Replay
from meta.records.ticket import Admission, Grader, Ticket
from meta.replay.replayer import Replayer
from meta.replay.run import FinishedReplay, ReplayJob
from meta.replay.simulated import SimulatedExecutor
from meta.settings import TuneSettings
from meta.store.migrations import migrations
from meta.store.store import Store
from meta.tune.budget import ReplayBudget
from meta.tune.gate_runner import GateRunner
from meta.tune.levels import AlphaLevels
from worker_agent.surface import AgentConfig, Surface

TICKETS = [
    Ticket(id=f"t-{n}", title="-", repo="-", base_commit="-", grader=Grader(), labels=("theme",) if n < 4 else ())
    for n in range(12)
]
CONFIG = GateConfig(alpha=0.1, stop=0.0, trust_themes=False, budget=60, parallel=4)
DOWN = {"verdict": "void", "ended": "model_unavailable", "reason": "529"}
BROKEN = {"verdict": "void", "ended": "sandbox_failed", "reason": f"{MACHINE_FAULT} no space left on device"}
LOST = {"verdict": "void", "ended": "submitted", "reason": "lost"}


def surface(version: str) -> Surface:
    return Surface(root=Path("-"), config=AgentConfig(), prompts={}, version=version)


class Script(SimulatedExecutor):
    """The n-th replay of a version on a ticket always ends the same: some pass, some fail, one in ten is void.

    `trouble` is asked before each replay; what it returns happens instead, and the n-th is still to come. Controls
    pass.
    """

    def __init__(
        self, trouble: Callable[[int, ReplayJob], dict[str, str] | None] = lambda number, job: None, seed: int = 1
    ) -> None:
        super().__init__(lambda version, ticket: 0.5, seed, parallel=2)
        self._trouble, self._made, self._number = trouble, Counter[tuple[str, str]](), 0

    def run(self, jobs: Iterable[ReplayJob]) -> Iterator[tuple[ReplayJob, FinishedReplay]]:
        for job, finished in super().run(jobs):
            self._number += 1
            ended = self._trouble(self._number, job)
            if ended is None and job.purpose == "measure":
                ended = {"verdict": "passed"}
            elif ended is None:
                ended = self._next(job.surface.version, job.ticket.id)
            yield job, FinishedReplay(finished.replay.model_copy(update=ended), ())

    def _next(self, version: str, ticket: str) -> dict[str, str]:
        self._made[version, ticket] += 1
        luck = hashlib.sha256(f"{version} {ticket} {self._made[version, ticket]}".encode()).digest()[0] / 256
        if luck < 0.15:
            return LOST
        return {"verdict": "passed" if luck < (0.8 if version == "new" else 0.4) else "failed"}


class House:
    """A runs.db with an incumbent `old` and a candidate `new`."""

    def __init__(self, folder: Path) -> None:
        self.store = Store(folder / "runs.db")
        self.store.skip_disk_sync()
        for ticket in TICKETS:
            self.store.tickets.add(ticket)
            self.store.tickets.record_admission(ticket, Admission(ticket=ticket.id, status="admitted"))
        self.store.incumbents.promote("old", "m")
        self.night = self.store.nights.resume_or_open_tuning(1000)
        made = self.store.candidates.add(self.night.id, "old", Edit(title="better", themes=("theme",)))
        self.candidate = self.store.candidates.move(made, "proposed", version="new").id

    def run_test(self, executor: SimulatedExecutor, most: int = 200) -> tuple[Candidate, GateDecision]:
        budget = ReplayBudget(self.store.replays, self.night.id, 1000)
        levels = AlphaLevels(self.store.gate_tests, TuneSettings())
        replayer = Replayer(self.store, executor, self.night)
        runner = GateRunner(self.store, replayer, CONFIG, levels, budget, ignore_report)
        candidate = self.store.candidates.find(self.candidate)
        return runner.run(candidate, surface(candidate.version or ""), surface("old"), TICKETS, most)

    @property
    def record(self) -> GateRecord:
        found = self.store.gate_tests.find(self.candidate)
        assert found is not None
        return found.record

    def voids(self, purpose: str = "gate") -> list[Replay]:
        return [r for r in self.store.replays.all() if r.verdict == "void" and r.purpose == purpose]


@pytest.fixture
def whole(tmp_path: Path) -> House:
    """The same test, run without any trouble."""
    house = House(tmp_path)
    house.run_test(Script())
    return house


@pytest.fixture
def house(tmp_path: Path) -> House:
    (tmp_path / "other").mkdir()
    return House(tmp_path / "other")


def test_void_replays_count_and_are_found_in_the_record(whole: House) -> None:
    decision = whole.record.decision
    assert decision is not None
    assert sum(decision.voids.values()) == len(whole.voids())
    assert min(decision.voids.values()) > 0
    bets = [bet for running in whole.record.passes for bet in running.bets if bet.void]
    assert {(bet.arm, bet.outcome) for bet in bets} == {("candidate", 0.0), ("incumbent", 1.0)}


def test_a_void_replay_is_run_once_in_either_arm(whole: House) -> None:
    outcomes = [bet for running in whole.record.passes for bet in running.bets]
    assert len(outcomes) == sum(r.purpose == "gate" for r in whole.store.replays.all()) > 20


@pytest.mark.parametrize("ended", [DOWN, BROKEN])
@pytest.mark.parametrize("after", [1, 6, 17, 30])
def test_an_outage_tells_nothing_and_the_test_resumes(
    whole: House, house: House, ended: dict[str, str], after: int
) -> None:
    down = True
    script = Script(lambda number, job: ended if down and number > after else None)
    for _ in range(2):  # it is still down at the next attempt
        with pytest.raises(ServiceDown if ended is DOWN else MetaError):
            house.run_test(script)
    down = False
    house.run_test(script)
    assert house.record == whole.record


@pytest.mark.parametrize("after", [1, 2, 7, 14, 23, 40])
def test_a_killed_test_resumes_to_the_same_state(whole: House, house: House, after: int) -> None:
    def kill(number: int, job: ReplayJob) -> None:
        if number == after:
            raise KeyboardInterrupt

    script = Script(kill)
    with pytest.raises(KeyboardInterrupt):
        house.run_test(script)
    house.run_test(script)
    assert house.record == whole.record


def test_a_test_that_runs_out_of_replays_resumes_to_the_same_state(whole: House, house: House) -> None:
    script = Script()
    while house.run_test(script, most=8)[0].status == "testing":
        pass
    assert house.record == whole.record


def test_the_next_candidate_uses_the_incumbents_voids_as_draws(whole: House) -> None:
    draws = [whole.store.replays.pool_draws(ticket.id, "old") for ticket in TICKETS]
    assert any(draw is None for drawn in draws for draw in drawn)
    before = len(whole.store.replays.all())
    candidate = whole.store.candidates.add(whole.night.id, "old", Edit(title="other", themes=("theme",)))
    whole.candidate = whole.store.candidates.move(candidate, "proposed", version="other").id
    whole.run_test(Script(seed=2))
    assert {r.version for r in whole.store.replays.all()[before:]} >= {"other"}
    bets = [bet for running in whole.record.passes for bet in running.bets if bet.arm == "incumbent"]
    for place, drawn in enumerate(draws):
        used = [None if bet.void else bet.outcome for bet in bets if bet.ticket == place]
        assert used[: len(drawn)] == drawn[: len(used)]


@pytest.mark.parametrize("ended", [DOWN, BROKEN, LOST])
def test_a_candidate_cannot_feign_an_outage(house: House, ended: dict[str, str]) -> None:
    script = Script(lambda number, job: ended if job.candidate else None)
    candidate, decision = house.run_test(script)
    assert candidate.status == "refused"
    assert decision.voids["candidate"] > 3
    assert all(bet.outcome == 0.0 for p in house.record.passes for bet in p.bets if bet.arm == "candidate")


def test_what_was_void_when_the_budget_ended_a_night_stands(house: House) -> None:
    def spend(number: int, job: ReplayJob) -> dict[str, str] | None:
        if number == 3:
            raise BudgetSpent("enough")
        return LOST if number < 3 else None

    script = Script(spend)
    with pytest.raises(BudgetSpent):
        house.run_test(script)
    house.run_test(script)
    assert len([r for r in house.voids() if r.reason == "lost"]) >= 2
    assert house.record.answers[0][:2] == (None, None)


def test_voids_from_before_they_counted_stay_without_meaning(tmp_path: Path) -> None:
    path = tmp_path / "runs.db"
    db = Database(sqlite3.connect(path, isolation_level=None))
    migrations.apply(db, stop_before="m008_excused")
    db.conn.execute("insert into incumbents (id, version, model, since) values (1, 'old', 'm', '2026-01-01')")
    for number, verdict in enumerate(("passed", "void", "failed")):
        db.conn.execute(
            "insert into replays (id, ticket, version, purpose, verdict, reason, ended, promotion, calls, input_tokens,"
            " output_tokens, seconds, grading_seconds, started_at, diff, summary, asked) values (?, 't-1', 'old',"
            " 'gate', ?, 'r', 'submitted', 1, 2, 100, 10, 1.0, 1.0, '2026-01-01', '', '', ?)",
            (f"r-{number}", verdict, number + 1),
        )
    db.conn.close()
    store = Store(path)
    assert store.replays.pool_draws("t-1", "old") == [1.0, 0.0]


def test_a_test_begun_before_voids_counted_goes_on(whole: House, house: House) -> None:
    """Its record lacks what newer ones have; what it was told then keeps its meaning."""
    script = Script()
    house.run_test(script, most=12)
    old = house.record
    house.store.gate_tests.save(
        house.candidate,
        "old",
        [t.id for t in TICKETS],
        replace(old, old_answers=len(old.answers)),
    )
    candidate, _ = house.run_test(script)
    assert candidate.status in ("kept", "refused")
    assert house.record.old_answers == len(old.answers)
