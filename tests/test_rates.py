"""Success rates: values that anybody can check by hand or in a table."""

from __future__ import annotations

import pytest

from meta.interval import wilson_interval_of
from meta.rates import describe_cost, group_by_ticket, one_shot_success_of, pass_hat_k_of
from meta.records.replay import Replay
from worker_agent.records import Usage


@pytest.mark.parametrize(
    ("share", "n", "low", "high"),
    [(0.5, 10, 0.236593, 0.763407), (0.0, 10, 0.0, 0.277533), (1.0, 10, 0.722467, 1.0), (0.3, 100, 0.218949, 0.395848)],
)
def test_wilson_intervals(share: float, n: int, low: float, high: float) -> None:
    assert wilson_interval_of(share, n) == pytest.approx((low, high), abs=1e-6)


def test_without_tickets_everything_is_possible() -> None:
    assert wilson_interval_of(0.0, 0) == (0.0, 1.0)


def test_tickets_count_alike_however_often_they_were_replayed() -> None:
    rate = one_shot_success_of({"a": [True] * 9, "b": [False]})
    assert (rate.value, rate.n) == (0.5, 2)


def test_pass_hat_k_is_the_chance_that_k_of_the_replays_all_passed() -> None:
    outcomes = {"a": [True, True, True, False], "b": [True] * 4, "c": [True, False, False, False]}
    assert pass_hat_k_of(outcomes, 2) == pytest.approx((3 / 6 + 1 + 0) / 3)
    assert pass_hat_k_of(outcomes, 5) is None


def replay(**usage: object) -> Replay:
    return Replay(
        id="r",
        ticket="t",
        version="v",
        purpose="measure",
        verdict="passed",
        reason="",
        ended="submitted",
        usage=Usage.model_validate({"calls": 1, "input_tokens": 1000} | usage),
    )


def test_money_is_unknown_as_soon_as_one_part_of_it_is() -> None:
    assert describe_cost([replay(usd=0.5), replay(usd=0.25)]).startswith("$0.75, 2,000 tokens")
    assert describe_cost([replay(usd=0.5), replay()]).startswith("cost unknown")


def test_what_the_tests_say_counts_apart_and_was_the_verdict_before_there_were_checks() -> None:
    def made(verdict: str, tests_passed: bool | None) -> Replay:
        fields = {"id": "r", "version": "v", "purpose": "gate", "reason": "", "ended": "submitted"}
        return Replay.model_validate(fields | {"ticket": "t", "verdict": verdict, "tests_passed": tests_passed})

    old = [made("passed", None), made("failed", None), made("void", None)]
    new = [made("passed", True), made("failed", True), made("failed", False)]
    assert group_by_ticket(old, tests_only=True) == group_by_ticket(old) == {"t": [True, False]}
    assert group_by_ticket(new) == {"t": [True, False, False]}
    assert group_by_ticket(new, tests_only=True) == {"t": [True, True, False]}
