"""Held-out tickets serve a counted number of decisions, and go to search as new ones come to take their place."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from bench.engine import Engine
from bench.growing import World
from meta.gate.gate import MIN_TICKETS_FOR_CLAIM
from meta.tune.held_out import MAX_DECISIONS, divide_tickets


@pytest.fixture
def engine() -> Iterator[Engine]:
    made = Engine(World(3, 40), 3, 400)
    yield made
    made.close()


def names(engine: Engine, held_out: bool) -> set[str]:
    return {t.id for t in divide_tickets(engine.store.tickets)[held_out]}


def wear(engine: Engine, ids: list[str]) -> None:
    for _ in range(MAX_DECISIONS):
        engine.store.tickets.count_decision(ids)


def test_every_decision_of_the_gate_is_counted_on_the_tickets_that_served(engine: Engine) -> None:
    engine.night(engine.world.propose((), 5))
    ended = [c for c in engine.store.candidates.all() if c.status in ("kept", "refused")]
    tested = [test for c in ended if (test := engine.store.gate_tests.find(c.id))]
    assert any(test.record.decision for test in tested)
    served = engine.store.tickets.decisions()
    counted: dict[str, int] = dict.fromkeys(served, 0)
    for test in tested:
        for ticket in test.tickets:
            counted[ticket] += 1
    assert served == counted
    assert not any(served[name] for name in names(engine, held_out=False))


def test_worn_tickets_go_to_search_when_new_ones_come_and_never_come_back(engine: Engine) -> None:
    before = names(engine, held_out=True)
    worn = sorted(before)[:5]
    wear(engine, worn)
    assert names(engine, held_out=True) == before  # nothing has come that could take their place
    for number in range(5):
        engine.world.theme[f"new-{number}"] = "tests"
        engine.admit(f"new-{number}")
    after = names(engine, held_out=True)
    assert {f"new-{n}" for n in range(5)} <= after
    gone = before - after
    assert len(gone) == 2  # of five new tickets three fifths add to the held-out ones, the rest take a place
    assert gone <= set(worn)
    assert gone <= names(engine, held_out=False)
    wear(engine, sorted(after - set(worn)))
    assert not gone & names(engine, held_out=True)


def test_a_ticket_that_is_not_worn_stays_held_out(engine: Engine) -> None:
    before = names(engine, held_out=True)
    for number in range(10):
        engine.world.theme[f"new-{number}"] = "tests"
        engine.admit(f"new-{number}")
    assert before <= names(engine, held_out=True)


def test_rotation_leaves_enough_held_out_tickets_however_worn_they_are() -> None:
    engine = Engine(World(3, MIN_TICKETS_FOR_CLAIM + 3), 3, 100)
    wear(engine, sorted(names(engine, held_out=True)))
    assert len(names(engine, held_out=True)) == MIN_TICKETS_FOR_CLAIM
    engine.close()


def test_the_division_is_the_same_every_night(engine: Engine) -> None:
    assert names(engine, held_out=True) == names(engine, held_out=True)
    assert not names(engine, held_out=True) & names(engine, held_out=False)
