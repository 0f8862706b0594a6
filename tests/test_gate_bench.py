"""The bench's worlds hold the truth they claim, and its peers' rules are the ones they are named after."""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest

from bench import gate as bench
from bench import gate_voids
from bench.worlds import SHAPES, make, tickets


def mean_effect(effect: str, shape: str, seed: int) -> float:
    rng = Random(seed)
    world = tickets(shape, 50, 3, rng)
    edit = make(effect, world, rng)
    assert all(-1e-9 <= q <= 1 + 1e-9 for q in edit.q)
    assert all(0 <= i < 50 for i in edit.theme)
    return (sum(edit.q) - sum(world.p)) / 50


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("effect", bench.NULLS)
def test_a_null_has_no_effect_in_any_shape_of_world(effect: str, shape: str) -> None:
    assert all(abs(mean_effect(effect, shape, seed)) < 1e-9 for seed in range(5))


@pytest.mark.parametrize("effect", [*bench.GAINS, *bench.POOR_THEMES])
def test_a_gain_has_exactly_the_effect_it_is_named_after(effect: str) -> None:
    size = float(effect.split()[0])
    assert all(abs(mean_effect(effect, "bimodal", seed) - size) < 1e-9 for seed in range(5))


def test_the_wilcoxon_statistic_is_scipys() -> None:
    # scipy 1.17: wilcoxon(d, alternative="less", zero_method="zsplit").pvalue
    assert bench.wilcoxon_less([-1, -1, -1, 0, 1]) == pytest.approx(0.3125)
    assert bench.wilcoxon_less([-1] * 3 + [0] * 10 + [1]) == pytest.approx(0.20585549513)
    assert bench.wilcoxon_less([0] * 30 + [-1] * 5) == pytest.approx(0.07120380702)


def test_the_bench_measures_every_rule_the_same_for_the_same_seed() -> None:
    plan = [("bimodal", "+.20", rule, 4) for rule in bench.RULES]
    first = bench.rows(3, plan, processes=1)
    assert first == bench.rows(3, plan, processes=1)
    assert [row.rule for row in first] == list(bench.RULES)
    assert all(0 <= row.kept <= 1 and row.replays > 0 for row in first)


def test_voids_are_made_of_what_they_are_named_after() -> None:
    rng = Random(1)

    def drawn(arm: str, trouble: gate_voids.Trouble) -> Counter[float | None]:
        return Counter(gate_voids.draw(0.5, arm, trouble, rng) for _ in range(2000))

    hidden = drawn("candidate", gate_voids.Trouble(hidden=1.0))
    assert hidden[0.0] == 0
    assert hidden[1.0] == pytest.approx(1000, abs=120)
    assert drawn("incumbent", gate_voids.Trouble(hidden=1.0))[None] == 0
    assert drawn("incumbent", gate_voids.Trouble(hidden_passes=1.0))[1.0] == 0
    honest = drawn("candidate", gate_voids.Trouble(honest=0.1))
    assert honest[None] == pytest.approx(200, abs=60)
    assert honest[1.0] == pytest.approx(honest[0.0], abs=180)
    again = drawn("candidate", gate_voids.Trouble(hidden=1.0, repeated=2))
    assert again[None] == pytest.approx(250, abs=80)


def test_the_table_of_voids_has_a_row_for_each_kind() -> None:
    result = gate_voids.run(seed=1, candidates=4, processes=2)
    assert result["promise_held"] in (True, False)
    lines = gate_voids.table(result).splitlines()
    assert len(lines) == 2 + len({row["trouble"].__repr__() for row in result["rows"]}) + 1
    assert any("hidden, 60% of failures " in line for line in lines)
