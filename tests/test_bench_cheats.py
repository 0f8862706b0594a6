"""The cheats of `bench.cheats`: each works on a naive grader, and none here."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from bench.cheats.__main__ import main
from bench.cheats.all import ATTACKS, CAUSES, golds, outcome
from bench.cheats.attack import Attack
from bench.cheats.ours import Judge
from tests.repositories import sandbox

FAST = (
    "xfailed test",
    "conftest hook",
    "sitecustomize",
    "unittest patched",
    "JUnit file rewritten",
    "equal to anything",
    "the plugin by names put together",
    "the judge addressed",
    "a link to the solution",
    "git objects",
    "/proc",
    "network",
    "git filter planted",
    "a class that lists known names only",
    "anything awaited",
    "failures never counted",
    "plugins that a star brings",
    "a module with another ending",
    "a class that is no test",
    "settings of a folder",
)


@pytest.fixture(scope="module")
def judge() -> Iterator[Judge]:
    with Judge(sandbox()) as judge:
        yield judge


def of(names: tuple[str, ...]) -> list[Attack]:
    return [attack for attack in ATTACKS if attack.name in names]


def test_there_are_cheats_of_every_kind_and_no_two_share_a_name() -> None:
    names = [attack.name for attack in ATTACKS]
    assert len(names) >= 200
    assert len(set(names)) == len(names)
    assert {cause for cause, attacks in CAUSES.items() if len(attacks) < 4} == set()
    assert len(of(FAST)) == len(FAST)


@pytest.mark.parametrize("attack", of(FAST), ids=lambda attack: attack.name)
def test_a_cheat_works_on_a_naive_grader_and_not_here(attack: Attack, judge: Judge) -> None:
    done = outcome(attack, judge)
    assert done.naive, f"the cheat is none: {attack.tries}"
    assert not done.scored
    assert not done.broken, done.why


@pytest.mark.parametrize("project", ["functions", "unittest shapes", "table", "odd ids", "doctest in a document"])
def test_an_honest_change_passes(project: str, judge: Judge) -> None:
    honest = [passes for name, passes in golds(judge).items() if name.endswith(f", {project}")]
    assert honest[-1]()


@pytest.mark.slow
@pytest.mark.xfail(reason="cheats that this grader does not see yet")
def test_no_cheat_scores_each_works_on_a_naive_grader_and_all_honest_changes_pass(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["scored"] == 0
    assert told["broken"] == 0
    assert told["naive_scored"] == told["cheats"] >= 200
    good, all_golds = told["gold"].split("/")
    assert good == all_golds
