"""The gate as a specification: the inequality, the object, its promise."""

from __future__ import annotations

import itertools
import json
import math
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meta.gate.bets import (
    expected_log_factor_of,
    find_growth_optimal_u,
    log_factor_of,
    log_factor_of_missing_run,
)
from meta.gate.gate import Gate
from meta.gate.gate_record import GateConfig, GateRecord
from meta.gate.power import estimate_power
from meta.gate.recomputation import AuditError, recompute_evidence, resume_gate

chances = st.floats(0.0, 1.0)
stakes = st.floats(-3.0, 3.0).filter(lambda s: abs(s) > 1e-3)


# One bet.


@pytest.mark.parametrize(
    ("outcome", "belief", "stake", "expected"),
    [
        (0, 0.05, -0.8, -0.007062931547),
        (0, 0.05, 0.35, -0.000086427595),
        (0, 0.3, -0.8, -0.063527763379),
        (0, 0.3, -0.2, -0.002279052289),
    ],
)
def test_the_factor_has_the_known_values(outcome: float, belief: float, stake: float, expected: float) -> None:
    assert log_factor_of(outcome, stake, find_growth_optimal_u(stake, belief)) == pytest.approx(expected, abs=1e-9)


@given(theta=chances, stake=stakes, above=st.floats(1e-3, 5.0))
def test_one_bet_never_expects_more_than_its_tangent_whatever_u(theta: float, stake: float, above: float) -> None:
    u = max(0.0, -stake) + above
    expected = (1 - theta) * math.exp(log_factor_of(0, stake, u)) + theta * math.exp(log_factor_of(1, stake, u))
    assert expected <= math.exp(stake * theta) * (1 + 1e-12)


@given(belief=st.floats(0.001, 0.999), stake=stakes, factor=st.floats(0.5, 2.0))
def test_the_chosen_u_grows_fastest_under_the_belief(belief: float, stake: float, factor: float) -> None:
    other = max(0.0, -stake) + factor * (find_growth_optimal_u(stake, belief) - max(0.0, -stake))

    def growth(u: float) -> float:
        return (1 - belief) * log_factor_of(0, stake, u) + belief * log_factor_of(1, stake, u)

    assert growth(find_growth_optimal_u(stake, belief)) >= growth(other) - 1e-12
    assert expected_log_factor_of(stake, belief) == pytest.approx(growth(find_growth_optimal_u(stake, belief)))


@given(belief=chances, stake=stakes, outcome=chances)
def test_no_belief_and_no_outcome_can_make_a_factor_zero_or_endless(
    belief: float, stake: float, outcome: float
) -> None:
    assert math.isfinite(log_factor_of(outcome, stake, find_growth_optimal_u(stake, belief)))


@given(theta=chances, stake=stakes)
def test_a_run_not_made_counts_no_more_than_the_tangent(theta: float, stake: float) -> None:
    assert log_factor_of_missing_run(stake) <= stake * theta + 1e-12


# A whole pass: for all truths, beliefs, stakes, skips and orders, by enumeration.


def log_value_of_pass(
    candidate: list[tuple[float, float, float]], incumbent: list[tuple[float, float, float]], not_made: float
) -> float:
    """log V of one pass from its bets, each (outcome, size of the stake, u), and the incumbent stake left unused.

        V = prod_i h_{+lam w_i}(candidate on i) * prod_i prod_{j <= k_i} h_{-lam w_i / k_i}(j-th incumbent run on i)

    Stakes are given as sizes, lam * w_i / k_i; `not_made` is the sum of the incumbent stakes whose run was not made.
    """
    gained = sum(log_factor_of(y, +size, u) for y, size, u in candidate)
    paid = sum(log_factor_of(y, -size, u) for y, size, u in incumbent)
    return gained + paid + log_factor_of_missing_run(-not_made)


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_the_evidence_of_a_pass_is_at_most_one_in_expectation_when_the_candidate_is_not_better(
    data: st.DataObject,
) -> None:
    """Any strategy: after each outcome it may choose anew which run comes next, skip it, and set any u."""
    n = data.draw(st.integers(1, 3))
    raw = [data.draw(st.floats(0.2, 3.0)) for _ in range(n)]
    weights = [w * n / sum(raw) for w in raw]
    p = [data.draw(chances) for _ in range(n)]
    q = [data.draw(chances) for _ in range(n)]
    excess = sum(w * (b - a) for w, a, b in zip(weights, p, q, strict=True))
    if excess > 0:  # scale q down until the candidate is exactly not better
        total = sum(w * b for w, b in zip(weights, q, strict=True))
        q = [b * (1 - excess / total) for b in q]
    lam = data.draw(st.floats(0.05, 2.0))
    k = data.draw(st.integers(1, 2))
    salt = data.draw(st.integers(0, 10**6))
    runs = [("candidate", i, lam * weights[i]) for i in range(n)]
    runs += [("incumbent", i, lam * weights[i] / k) for i in range(n) for _ in range(k)]

    def expectation(
        left: tuple[tuple[str, int, float], ...],
        history: tuple[int, ...],
        made: tuple[tuple[str, float, float, float], ...],
    ) -> float:
        if not left:
            value = log_value_of_pass(
                [(y, size, u) for arm, y, size, u in made if arm == "candidate"],
                [(y, size, u) for arm, y, size, u in made if arm == "incumbent"],
                not_made=lam * sum(weights) - sum(size for arm, _, size, _ in made if arm == "incumbent"),
            )
            return math.exp(value)
        chosen = random.Random(f"{salt} {history}")
        at = chosen.randrange(len(left))
        arm, ticket, size = left[at]
        rest = left[:at] + left[at + 1 :]
        if chosen.random() < 0.25:
            return expectation(rest, (*history, 2), made)
        signed = size if arm == "candidate" else -size
        u = max(0.0, -signed) + 10 ** chosen.uniform(-2, 0.5)
        theta = (q if arm == "candidate" else p)[ticket]
        return sum(
            chance * expectation(rest, (*history, y), (*made, (arm, float(y), size, u)))
            for y, chance in ((0, 1 - theta), (1, theta))
            if chance > 0
        )

    assert expectation(tuple(runs), (), ()) <= 1 + 1e-9


def outcomes_tree(
    gate_of: object, p: list[float], q: list[float], told: tuple[tuple[float, ...], ...] = ()
) -> tuple[float, float]:
    """(E W, P(kept)) over every sequence of outcomes of a deterministic gate, by telling it each of them."""
    assert callable(gate_of)
    gate: Gate = gate_of()
    for batch in told:
        gate.tell(batch)
    if gate.decision is not None:
        return math.exp(gate.decision.log_e), float(gate.decision.accept)
    expected = kept = 0.0
    asked = gate.requests
    for batch in itertools.product((0.0, 1.0), repeat=len(asked)):
        chance = 1.0
        for y, (arm, ticket) in zip(batch, asked, strict=True):
            theta = (q if arm == "candidate" else p)[ticket]
            chance *= theta if y else 1 - theta
        if chance > 0:
            w, k = outcomes_tree(gate_of, p, q, (*told, batch))
            expected, kept = expected + chance * w, kept + chance * k
    return expected, kept


@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_the_gate_itself_keeps_its_promise_for_every_truth_belief_theme_and_setting(
    data: st.DataObject,
) -> None:
    n = data.draw(st.integers(1, 3))
    p = [data.draw(chances) for _ in range(n)]
    shift = data.draw(st.permutations(p))  # a null that trades gains for losses
    loss = data.draw(st.sampled_from([1.0, 1.0, 0.9]))
    q = [x * loss for x in shift]
    beliefs = [(data.draw(st.floats(0.05, 9.0)), data.draw(st.floats(0.05, 9.0))) for _ in range(n)]
    theme = data.draw(st.sets(st.integers(0, n - 1)))
    low = data.draw(st.floats(0.2, 1.0))
    config = GateConfig(
        alpha=data.draw(st.sampled_from([0.3, 0.5])),
        k=data.draw(st.integers(1, 3)),
        stop=data.draw(st.sampled_from([0.0, 0.1])),
        budget=7,
        parallel=data.draw(st.integers(1, 3)),
        min_stake=low,
        max_stake=low + data.draw(st.floats(0.0, 1.0)),
        least_gain_candidate=data.draw(st.sampled_from([0.0, 0.012, 0.1])),
        least_gain_incumbent=data.draw(st.sampled_from([0.0, 0.006, 0.1])),
    )
    expected, kept = outcomes_tree(lambda: Gate(n, theme, prior=beliefs, config=config), p, q)
    assert expected <= 1 + 1e-9
    assert kept <= config.alpha + 1e-9


def test_weighted_tickets_keep_the_promise_too() -> None:
    weights = [0.4, 1.6]
    p, q = [0.2, 0.9], [1.0, 0.7]  # 0.4 * 0.8 - 1.6 * 0.2 = 0
    config = GateConfig(alpha=0.4, budget=8, stop=0.0)
    expected, kept = outcomes_tree(lambda: Gate(2, [0], weights=weights, config=config), p, q)
    assert expected <= 1 + 1e-9
    assert kept <= 0.4


# The object.


def play(gate: Gate, p: list[float], q: list[float], seed: int) -> Gate:
    rng = random.Random(seed)
    while gate.decision is None:
        gate.tell([float(rng.random() < (q if arm == "candidate" else p)[i]) for arm, i in gate.requests])
    return gate


BIMODAL = [0.02, 0.05, 0.1, 0.0, 0.3, 0.0, 0.1, 0.05, 0.9, 1.0, 0.95, 1.0, 0.98, 0.7, 1.0, 0.97]
EARLIER = [(0.35 + 3 * x, 0.45 + 3 * (1 - x)) for x in BIMODAL]
BETTER = [0.9 if x < 0.2 else x for x in BIMODAL]


def test_a_clear_gain_is_kept_with_its_reason() -> None:
    gate = play(Gate(16, range(8), prior=EARLIER), BIMODAL, BETTER, seed=1)
    assert gate.decision is not None
    assert gate.decision.accept
    assert gate.decision.log_e >= math.log(10)
    assert "evidence" in gate.decision.why
    assert gate.requests == []


def test_an_edit_that_does_nothing_is_given_up_after_a_few_replays() -> None:
    gate = play(Gate(16, range(8), prior=EARLIER), BIMODAL, BIMODAL, seed=1)
    assert gate.decision is not None
    assert not gate.decision.accept
    assert gate.replays < 20
    assert gate.decision.ended in ("no lift", "unlikely")
    assert f"{gate.replays} replays" in gate.decision.why


def test_named_tickets_are_run_first() -> None:
    gate = Gate(16, [3, 5], prior=EARLIER, config=GateConfig(parallel=2))
    assert set(gate.requests) == {("candidate", 3), ("candidate", 5)}


def test_tickets_that_the_incumbent_surely_passes_are_checked_in_the_candidate_only() -> None:
    sure = [(30.0, 0.1)] * 12
    gate = Gate(12, [], prior=sure, config=GateConfig(parallel=48, stop=0.0))
    assert {arm for arm, _ in gate.requests} == {"candidate"}


def test_a_theme_of_few_tickets_is_looked_at_more_than_once() -> None:
    gate = Gate(16, [3, 5], prior=EARLIER, config=GateConfig(parallel=6))
    assert gate.requests == [("candidate", 3), ("candidate", 5)] * 3


def test_a_gain_too_small_to_be_shown_within_the_budget_is_given_up_between_passes() -> None:
    p = [0.5] * 16
    q = [0.52] * 16
    config = GateConfig(budget=150, stop=0.0, trust_themes=False)
    gate = play(Gate(16, [], config=config), p, q, seed=3)
    assert gate.decision is not None
    assert gate.decision.ended == "hopeless"
    assert gate.replays < 150


def test_the_rule_about_named_tickets_is_off_where_they_were_never_run() -> None:
    gate = play(Gate(16, range(8)), BIMODAL, BIMODAL, seed=1)
    assert gate.decision is not None
    assert gate.decision.ended != "no lift"


def test_the_same_outcomes_lead_to_the_same_requests() -> None:
    config = GateConfig(parallel=3)
    first = Gate(16, [0, 1, 2], prior=EARLIER, config=config)
    rng = random.Random(4)
    for _ in range(6):
        first.tell([float(rng.random() < 0.8) for _ in first.requests])
    again = resume_gate(GateRecord.from_json(json.loads(json.dumps(first.record().to_json()))))
    assert again.requests == first.requests
    assert again.log_e == first.log_e
    assert again.record() == first.record()


def test_bets_of_a_batch_are_fixed_before_any_of_its_outcomes() -> None:
    def bets(outcome: float) -> list[tuple[str, int, float, float, float]]:
        gate = Gate(16, [0, 1], prior=EARLIER, config=GateConfig(parallel=40, stop=0.0, trust_themes=False))
        size = len(gate.requests)
        assert size == 40
        gate.tell([outcome] * size)
        return [(b.arm, b.ticket, b.stake, b.belief, b.u) for b in gate.record().passes[0].bets]

    assert bets(0.0) == bets(1.0)


def test_a_decision_can_be_recomputed_from_its_record_and_from_its_bets() -> None:
    gate = play(Gate(16, range(8), prior=EARLIER), BIMODAL, BETTER, seed=2)
    record = GateRecord.from_json(json.loads(json.dumps(gate.record().to_json())))
    assert gate.decision is not None
    assert recompute_evidence(record) == pytest.approx(gate.decision.log_e, abs=1e-9)
    assert resume_gate(record).decision == gate.decision


def test_an_audit_refuses_a_record_that_was_changed() -> None:
    gate = play(Gate(16, range(8), prior=EARLIER), BIMODAL, BETTER, seed=2)
    data = gate.record().to_json()
    data["passes"][0]["bets"][0]["outcome"] = 1 - data["passes"][0]["bets"][0]["outcome"]
    with pytest.raises(AuditError, match="the record gives"):
        recompute_evidence(GateRecord.from_json(data))
    data = gate.record().to_json()
    data["passes"][0]["bets"].append(data["passes"][0]["bets"][0])
    with pytest.raises(AuditError, match="exceed the stake"):
        recompute_evidence(GateRecord.from_json(data))


def test_a_pass_adds_up_to_the_evidence() -> None:
    gate = Gate(16, [0, 1], prior=EARLIER, config=GateConfig(parallel=60, stop=0.0, trust_themes=False))
    gate.tell([1.0] * len(gate.requests))
    running = gate.record().passes[0]
    arms = {
        arm: [(b.outcome or 0.0, b.stake, b.u) for b in running.bets if b.arm == arm]
        for arm in ("candidate", "incumbent")
    }
    unused = running.stake * 16 - sum(b.stake for b in running.bets if b.arm == "incumbent")
    assert running.log_value == pytest.approx(log_value_of_pass(arms["candidate"], arms["incumbent"], not_made=unused))


def test_voids_that_differ_between_the_arms_are_reported() -> None:
    gate = Gate(16, range(8), prior=EARLIER, config=GateConfig(parallel=1))
    rng = random.Random(1)
    while gate.decision is None:
        arm, i = gate.requests[0]
        passes = (BETTER if arm == "candidate" else BIMODAL)[i]
        void = arm == "candidate" and i >= 8
        gate.tell([None if void else float(rng.random() < passes)])
    assert gate.decision.voids["candidate"] > 0
    assert "void replays differ between the arms" in gate.decision.why


def test_a_test_can_be_ended_from_outside_and_nothing_is_kept() -> None:
    gate = Gate(16, [0], prior=EARLIER)
    decision = gate.stop("the night is over")
    assert not decision.accept
    assert "the night is over" in decision.why
    with pytest.raises(ValueError, match="over"):
        gate.tell([1.0])
    assert resume_gate(gate.record()).decision == decision


def test_the_budget_ends_a_test() -> None:
    gate = play(Gate(16, [], config=GateConfig(budget=5, stop=0.0)), BIMODAL, BETTER, seed=0)
    assert gate.decision is not None
    assert gate.decision.ended == "budget"
    assert gate.replays == 5


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"n": 0}, "1 to"),
        ({"n": 3, "theme": [3]}, "outside 0 .. 2"),
        ({"n": 3, "prior": [(1.0, 1.0)]}, "each of the 3"),
        ({"n": 2, "prior": [(1.0, -1.0), (1.0, 1.0)]}, "positive"),
        ({"n": 2, "weights": [1.0, 2.0]}, "average 1"),
    ],
)
def test_settings_that_make_no_sense_are_refused_in_words(kwargs: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Gate(**kwargs)  # type: ignore[arg-type]


def test_under_twelve_tickets_the_claim_is_about_these_tickets_only() -> None:
    p, q = [0.0] * 4 + [1.0] * 2, [1.0] * 6
    gate = play(Gate(6, range(4)), p, q, seed=0)
    assert gate.decision is not None
    assert gate.decision.accept
    assert gate.decision.scope == "better on these tickets"
    assert "not for future ones" in gate.decision.why


def test_exact_nulls_are_rarely_kept() -> None:
    kept = 0
    for seed in range(60):
        rng = random.Random(seed)
        p = [rng.betavariate(0.35, 0.45) for _ in range(20)]
        config = GateConfig(stop=0.02, trust_themes=False, budget=120)
        kept += bool((decision := play(Gate(20, [0, 1, 2], config=config), p, p, seed).decision) and decision.accept)
    assert kept <= 6


def test_power_says_what_tickets_and_budget_can_detect() -> None:
    much = estimate_power(0.3, n=16, prior=EARLIER, simulations=30)
    little = estimate_power(0.3, n=16, prior=EARLIER, simulations=30, config=GateConfig(budget=10))
    assert much.power >= 0.5
    assert little.power < 0.2
    assert little.replays <= 10
    assert 0.3 < much.reachable < 0.6
