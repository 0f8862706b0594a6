"""A/A with the executor that a night uses: copies of the agent in use, judged on the team's own tickets."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from bench.engine import Engine
from bench.growing import World
from meta.errors import MetaError
from meta.look.measurement_page import selftest_page
from meta.measure.selftest import SelftestResult
from meta.measure.selftest_real import choose_held_out, run_real_selftest
from tests.raw_database import run_raw


@pytest.fixture
def engine() -> Iterator[Engine]:
    made = Engine(World(3, 40), 3, 200)
    yield made
    made.close()


def selftest(engine: Engine, nulls: int, most: int) -> SelftestResult:
    app = engine.app
    tickets = choose_held_out(app.store.tickets, app.settings.tune)
    executor, incumbent = app.executor(app.models()), app.history.head()
    return run_real_selftest(app.store, executor, app.project, incumbent, tickets, nulls, most)


def test_copies_of_the_agent_are_judged_within_the_budget_and_hardly_any_is_kept(engine: Engine) -> None:
    found = selftest(engine, 30, 250)
    assert found.nulls >= 3
    assert found.kept <= 1
    assert found.rate == found.kept / found.nulls
    assert found.replays is not None
    assert found.replays <= 250
    assert 0 < found.replays_per_null <= 250 / found.nulls
    assert found.worker == "real"
    assert "250" in selftest_page(found) or str(found.replays) in selftest_page(found)


def test_no_night_learns_from_it(engine: Engine) -> None:
    engine.night([])
    before = {
        table: run_raw(engine.store.path, f"select count(*) from {table}")
        for table in ("replays", "candidates", "nights", "incumbents", "gate_tests")
    }
    selftest(engine, 3, 200)
    assert before == {t: run_raw(engine.store.path, f"select count(*) from {t}") for t in before}
    assert not any(engine.store.tickets.decisions().values())


def test_a_budget_too_small_for_one_test_is_said_in_words(engine: Engine) -> None:
    with pytest.raises(MetaError, match="not enough for one test"):
        selftest(engine, 5, 1)


def test_without_tickets_it_says_what_to_do() -> None:
    engine = Engine(World(3, 0), 3, 200)
    with pytest.raises(MetaError, match="no admitted ticket"):
        selftest(engine, 5, 10)
    engine.close()
