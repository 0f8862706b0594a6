"""The incumbent's pool of draws: the five rules, and the presets around the gate."""

from __future__ import annotations

import random

import pytest

from meta.gate.gate import Gate
from meta.gate.gate_record import GateConfig
from meta.gate.pool import Pool, PooledGate
from meta.gate.presets import StrictTier, e_lond_level_of, is_small_set, preset_of_budget

N = 12
P = [0.02, 0.1, 0.05, 0.0, 0.1, 0.5, 0.6, 0.9, 1.0, 0.95, 1.0, 0.98]
Q = [0.9 if x < 0.2 else x for x in P]
STALE = [(0.35 + 3 * x, 0.45 + 3 * (1 - x)) for x in P]
LONG = GateConfig(stop=0.0, trust_themes=False, budget=80)


def trial(pool: Pool, config: GateConfig = LONG) -> PooledGate:
    return PooledGate(Gate(N, range(5), prior=STALE, config=config), pool)


def play(test: PooledGate, q: list[float], seed: int) -> list[tuple[str, int]]:
    rng, asked = random.Random(seed), []
    while test.decision is None:
        asked += test.requests
        test.tell([float(rng.random() < (q if arm == "candidate" else P)[i]) for arm, i in test.requests])
    return [(arm, i) for arm, i in asked]


def test_draws_are_shared_by_all_candidates() -> None:
    pool = Pool(N)
    first, second = trial(pool), trial(pool)
    play(first, P, seed=1)
    made = sum(map(len, pool.draws))
    asked = play(second, P, seed=2)
    fresh = [each for each in asked if each[0] == "incumbent"]
    assert made > 0
    assert len(fresh) == sum(map(len, pool.draws)) - made
    assert second.fresh == len(asked) < second.gate.replays


def test_each_draw_is_used_at_most_once_for_a_candidate() -> None:
    pool = Pool(N, [[1.0, 0.0, 1.0]] * N)
    test = trial(pool)
    play(test, P, seed=3)
    used: dict[int, list[float | None]] = {i: [] for i in range(N)}
    for running in test.gate.record().passes:
        for bet in running.bets:
            if bet.arm == "incumbent":
                used[bet.ticket].append(bet.outcome)
    for i in range(N):
        assert used[i] == pool.draws[i][: len(used[i])]


def test_bets_do_not_depend_on_whether_a_draw_lay_ready() -> None:
    rng = random.Random(5)
    ready = [[float(rng.random() < x) for _ in range(40)] for x in P]
    empty, full = Pool(N), Pool(N, ready)
    slow, fast = trial(empty), trial(full)
    candidate = [random.Random(1), random.Random(1)]
    seen = [0] * N
    while slow.decision is None:
        ((arm, i),) = slow.requests
        if arm == "candidate":
            slow.tell([float(candidate[0].random() < Q[i])])
        else:
            slow.tell([ready[i][seen[i]]])
            seen[i] += 1
    while fast.decision is None:
        fast.tell([float(candidate[1].random() < Q[i]) for _, i in fast.requests])
    assert slow.gate.record() == fast.gate.record()


def test_a_killed_test_asks_for_nothing_twice() -> None:
    config = GateConfig(stop=0.0, trust_themes=False, budget=80, parallel=3)
    pool = Pool(N)
    whole = trial(pool, config)
    asked, candidate_runs = [], []
    rng = random.Random(7)
    while whole.decision is None:
        batch = whole.requests
        told = [float(rng.random() < (Q if arm == "candidate" else P)[i]) for arm, i in batch]
        asked.append(batch)
        candidate_runs += [y for (arm, _), y in zip(batch, told, strict=True) if arm == "candidate"]
        whole.tell(told)
    again = trial(Pool(N, pool.draws), config)
    recorded = iter(candidate_runs)
    while again.decision is None:
        assert {arm for arm, _ in again.requests} == {"candidate"}
        again.tell([next(recorded) for _ in again.requests])
    assert again.gate.record() == whole.gate.record()


def test_wrong_outcomes_are_refused_and_nothing_is_lost() -> None:
    test = trial(Pool(N))
    before = test.requests
    with pytest.raises(ValueError, match="outcomes: expected 1, got 2"):
        test.tell([1.0, 0.0])
    with pytest.raises(ValueError, match="not 7"):
        test.tell([7.0])
    assert test.requests == before


# Presets and the strict tier.


@pytest.mark.parametrize(
    ("budget", "alpha", "screen", "held_out", "k"),
    [(60, 0.2, 3, 20, 1), (100, 0.2, 3, 20, 1), (101, 0.1, 6, 30, 2), (400, 0.1, 6, 30, 2), (401, 0.05, 6, 60, 2)],
)
def test_presets_follow_the_nightly_budget(budget: int, alpha: float, screen: int, held_out: int, k: int) -> None:
    chosen = preset_of_budget(budget)
    assert (chosen.gate.alpha, chosen.screen_runs, chosen.held_out, chosen.gate.k) == (
        alpha,
        screen,
        held_out,
        k,
    )
    assert 0.1 <= chosen.gate.stop <= 0.5


def test_the_strict_tier_is_flat_e_lond_over_sixty_tests() -> None:
    assert e_lond_level_of(0.1, 0) == pytest.approx(0.1 / 60)
    assert e_lond_level_of(0.1, 2) == pytest.approx(0.1 / 60 * 3)
    assert e_lond_level_of(0.1, 0, horizon=10) == pytest.approx(0.01)


def test_the_strict_tier_counts_tests_and_keeps_and_ends_at_its_horizon() -> None:
    tier = StrictTier(alpha=0.1, horizon=3)
    levels = []
    for accepted in (False, True, False):
        levels.append(tier.level())
        tier = tier.after(accepted)
    assert levels == pytest.approx([0.1 / 3, 0.1 / 3, 0.2 / 3])
    with pytest.raises(ValueError, match="start a new one"):
        tier.level()


def test_fewer_than_twelve_tickets_are_a_small_set() -> None:
    assert is_small_set(11)
    assert not is_small_set(12)
