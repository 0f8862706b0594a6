"""What a night takes in before it tunes, and how it meets a service that does not answer."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from feedback.outcome import Cause
from meta.errors import BudgetSpent
from meta.look.night_page import night_page
from meta.nights.deadline import Deadline
from meta.nights.night import run_night
from meta.replay.run import FinishedReplay, ReplayJob
from meta.replay.simulated import SimulatedExecutor
from tests.messages_server import error, message, script, serving, text
from tests.repositories import Repository
from tests.test_github_causes import outcome
from tests.test_nightly import PROPOSES, Unwatched
from tests.test_tickets_mining import BEGIN, CART_FIXED, TEST_CART_EMPTY
from worker_agent.git import GitKilled, run_git

PROVEN = message(text(json.dumps({"cause": "wrong_behaviour", "quote": "loses the last line"})))
DOWN = error(529, "overloaded_error")


@pytest.fixture
def house(tmp_path: Path) -> Unwatched:
    return Unwatched(tmp_path / "agent")


def test_a_night_asks_why_pull_requests_came_back_before_it_tunes(house: Unwatched) -> None:
    store = house.app().store
    store.outcomes.save(outcome(7))
    store.outcomes.save(outcome(8, words=[]))  # nothing to read
    with serving(script(PROVEN, PROPOSES)) as served:
        over = house.over(served.url)
    assert over.code == 0
    assert over.account.causes == (1, 1)
    assert "causes: asked the model about 1, and it proved one for 1" in night_page(over.account)
    assert [row.role for row in store.calls.all()] == ["cause", "proposer"]
    judged = store.outcomes.find("team/app#7")
    assert judged is not None
    assert judged.cause is Cause.WRONG_BEHAVIOUR


@pytest.mark.slow
def test_a_night_that_the_service_stops_over_the_causes_goes_on_with_them(house: Unwatched) -> None:
    store = house.app().store
    store.outcomes.save(outcome(7))
    store.outcomes.save(outcome(8))
    with serving(script(PROVEN, DOWN)) as served:
        over = house.over(served.url)
    assert over.code == 1
    assert "does not answer" in over.account.stopped
    with serving(script(PROVEN, PROPOSES)) as served:
        later = house.over(served.url)
        assert len(served.requests) == 2  # what was judged is not asked again
    assert (later.code, later.account.night) == (0, over.account.night)
    assert {o.cause for o in store.outcomes.all()} == {Cause.WRONG_BEHAVIOUR}


def test_causes_are_paid_from_the_nights_budget(house: Unwatched) -> None:
    house.app().store.outcomes.save(outcome(7))
    with serving(script(PROVEN)) as served:
        over = house.over(served.url, prices={"m": {"input": 1.0, "output": 10.0}}, usd=0.005)
        assert not served.requests
    assert over.code == 4


def test_without_a_model_a_night_says_so_once_and_not_for_each_stage(house: Unwatched) -> None:
    house.app().store.outcomes.save(outcome(7))
    app = house.unwatched(worker={"base_url": "http://127.0.0.1:9"})
    over = run_night(app.night_parts())
    assert over.code == 1
    assert "no model is set" in over.account.stopped
    assert not over.account.problems
    assert app.store.nights.stage_results(over.account.night)["causes"] == {}


class Unanswered(SimulatedExecutor):
    """Some replays end without an answer of the model service."""

    tickets: frozenset[str] | None = None
    """On which tickets; `None`: on all of them."""

    def run(self, jobs: Iterable[ReplayJob]) -> Iterator[tuple[ReplayJob, FinishedReplay]]:
        for job, finished in super().run(jobs):
            if self.tickets is None or job.ticket.id in self.tickets:
                ended = {"verdict": "void", "ended": "model_unavailable", "reason": "529"}
                finished = FinishedReplay(finished.replay.model_copy(update=ended), ())
            yield job, finished


def test_no_replay_is_begun_while_the_service_answers_nobody(house: Unwatched) -> None:
    silent = Unanswered(house.world, seed=3)
    over = house.over(executor=silent)
    assert over.code == 1
    assert "does not answer" in over.account.stopped
    assert over.account.replays == over.account.void == silent.parallel
    assert {r.verdict for r in house.app().store.replays.all()} == {"void"}


class BackAtOnce(Unanswered):
    """The service fails so often, and answers before the last that were begun have ended."""

    def __init__(self, inner: SimulatedExecutor, fails: int) -> None:
        super().__init__(inner.world, seed=3)
        self.fails = fails

    def run(self, jobs: Iterable[ReplayJob]) -> Iterator[tuple[ReplayJob, FinishedReplay]]:
        self.tickets = None
        ahead: list[tuple[ReplayJob, FinishedReplay]] = []
        for done in super().run(jobs):
            self.fails -= 1
            self.tickets = None if self.fails > 0 else frozenset()
            ahead.append(done)
            if len(ahead) > 2:
                yield ahead.pop(0)
        yield from ahead


@pytest.mark.parametrize("fails", [4, 5])
def test_a_service_that_comes_back_while_replays_are_under_way_leaves_none_out(house: Unwatched, fails: int) -> None:
    assert isinstance(house.executor, SimulatedExecutor)
    with serving(script(PROPOSES)) as served:
        over = house.over(served.url, executor=BackAtOnce(house.executor, fails), patience_minutes=0)
    assert over.code in (0, 1)
    assert over.code == 0 or "does not answer" in over.account.stopped


def test_one_ticket_that_the_model_chokes_on_does_not_stop_a_night(house: Unwatched) -> None:
    choking = Unanswered(house.world, seed=3)
    search = sorted(t.id for t in house.app().store.tickets.all())
    choking.tickets = frozenset(search[:1])
    with serving(script(PROPOSES)) as served:
        over = house.over(served.url, executor=choking)
    assert over.code == 0
    assert not over.account.stopped


def test_a_deadline_is_nobodys_failure_on_the_way_out() -> None:
    deadline = Deadline(datetime.now().astimezone() + timedelta(seconds=0.2))

    def take_it_for_a_failure() -> None:
        with deadline.enforce():
            try:
                time.sleep(10)
            except Exception:
                time.sleep(10)

    begun = time.monotonic()
    with pytest.raises(BudgetSpent, match=deadline.words):
        take_it_for_a_failure()
    assert time.monotonic() - begun < 5


# A git that is killed.

KILLS_ITSELF = """\
#!/bin/sh
if [ -e {marker} ]; then exec {git} "$@"; fi
{leave}
kill -9 $$
"""


def killed(folder: Path, monkeypatch: pytest.MonkeyPatch, *, once: bool) -> None:
    program, marker = folder / "bin" / "git", folder / "killed"
    program.parent.mkdir()
    program.write_text(
        KILLS_ITSELF.format(marker=marker, git=shutil.which("git"), leave=f"touch {marker}" if once else "")
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")


def test_a_git_that_is_killed_is_asked_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    killed(tmp_path, monkeypatch, once=True)
    assert run_git("--version").startswith("git version")


def test_a_git_that_is_always_killed_is_the_machines_fault_and_no_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed(tmp_path, monkeypatch, once=False)
    with pytest.raises(GitKilled):
        run_git("--version")


def test_a_version_is_found_though_git_is_killed_over_it(
    house: Unwatched, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    head = house.app().versions.head().commit
    killed(tmp_path, monkeypatch, once=True)
    assert house.app().versions.head().commit == head


# Mining.


@pytest.mark.slow  # it builds the environment of a repository
def test_a_night_mines_what_was_merged_since_the_last_one(house: Unwatched, tmp_path: Path) -> None:
    shop = Repository(tmp_path / "shop", BEGIN)
    today = datetime.now().date()
    fix = {"src/shop/cart.py": CART_FIXED, "tests/test_cart.py": TEST_CART_EMPTY}
    shop.commit(
        fix, "The total of an empty cart is 0 (#7)\n\ntotal([]) raises IndexError; it should be 0.", day=str(today)
    )
    shop.commit({"README.md": "The shop.\n"}, "Say what it is", day=str(today))
    given = {"mine": 3, "repositories": [{"path": str(shop.path), "name": "team/shop"}]}
    world = house.world
    house.executor = SimulatedExecutor(
        lambda version, name: world(version, name if name[:2] == "t-" else "t-0"), seed=3
    )
    with serving(script(PROPOSES)) as served:
        over = house.over(served.url, **given)
    store = house.app().store
    found = [ticket for ticket in store.tickets.standings() if ticket.id.startswith("shop-")]
    assert [(ticket.status, ticket.reason) for ticket in found] == [("admitted", "")]
    assert store.nights.stage_results(over.account.night)["mined tickets"]["problems"] == []
    assert over.account.admitted == 1
    assert "tickets: 1 admitted, 0 quarantined" in night_page(over.account)
    with serving(script(PROPOSES)) as served:
        later = house.over(served.url, **given)  # nothing new was merged
    assert later.account.admitted == later.account.quarantined == 0
    assert store.nights.stage_results(later.account.night)["mined tickets"]["problems"] == []


def test_a_repository_to_mine_that_is_gone_is_named_and_the_night_goes_on(house: Unwatched, tmp_path: Path) -> None:
    given = {"mine": 3, "repositories": [{"path": str(tmp_path / "gone"), "name": "team/gone"}]}
    with serving(script(PROPOSES)) as served:
        over = house.over(served.url, **given)
    assert any("gone" in problem for problem in over.account.problems)
    assert [t.status for t in over.account.tried] == ["kept"]
