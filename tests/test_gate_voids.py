"""The inequality where replays come back void, for whatever reason, and where a test is cut short and resumed."""

from __future__ import annotations

import itertools
import json
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meta.gate.gate import Gate
from meta.gate.gate_record import Arm, GateConfig, GateRecord
from meta.gate.recomputation import AuditError, recompute_evidence, resume_gate

chances = st.floats(0.0, 1.0)
Voids = tuple[float, float, float, float]
"""The chance that a replay is made void: the candidate's failures, its passes, the incumbent's failures, its passes."""


def void_chance(voids: Voids, arm: Arm, y: float) -> float:
    return voids[2 * (arm == "incumbent") + int(y)]


def expected_evidence(
    p: list[float],
    q: list[float],
    voids: tuple[Voids, ...],
    config: GateConfig,
    cut: int,
    told: tuple[tuple[float | None, ...], ...] = (),
) -> tuple[float, float]:
    """(E W, P(kept)) over all outcomes and voids; after `cut` batches the test is stopped in its record only.

    Which replays are void depends on their own outcomes and, batch by batch, on what went before.
    """
    gate = Gate(len(p), [0], config=config)
    for number, batch in enumerate(told):
        if number == cut:
            gate = resume_gate(GateRecord.from_json(json.loads(json.dumps(gate.record().to_json()))))
        gate.tell(batch)
    if gate.decision is not None:
        return math.exp(gate.decision.log_e), float(gate.decision.accept)
    if len(told) == 5:
        return math.exp(gate.log_e), 0.0
    hidden = voids[(len(told) + sum(y is None for batch in told for y in batch)) % len(voids)]
    evidence = kept = 0.0
    for batch in itertools.product((0.0, 1.0, None), repeat=len(gate.requests)):
        chance = 1.0
        for y, (arm, ticket) in zip(batch, gate.requests, strict=True):
            theta = (q if arm == "candidate" else p)[ticket]
            fails = (1.0 - theta) * (1.0 - void_chance(hidden, arm, 0.0))
            passes = theta * (1.0 - void_chance(hidden, arm, 1.0))
            chance *= 1.0 - fails - passes if y is None else (passes if y else fails)
        if chance > 1e-12:
            e, k = expected_evidence(p, q, voids, config, cut, (*told, batch))
            evidence, kept = evidence + chance * e, kept + chance * k
    return evidence, kept


shares = st.sampled_from([0.0, 0.3, 1.0])
hiding = st.tuples(shares, shares, shares, shares)


@settings(max_examples=12, deadline=None)
@given(p=st.tuples(chances, chances), loss=chances, voids=st.tuples(hiding, hiding), cut=st.integers(1, 3))
def test_voids_of_any_cause_and_interruptions_never_make_evidence(
    p: tuple[float, float], loss: float, voids: tuple[Voids, ...], cut: int
) -> None:
    before, after = list(p), [p[1], p[0] * loss]  # no better in the mean: gains are traded, some are lost
    config = GateConfig(alpha=0.5, budget=4, stop=0.0, k=1)
    evidence, kept = expected_evidence(before, after, voids, config, cut)
    assert evidence <= 1.0 + 1e-9
    assert kept <= config.alpha + 1e-9


@pytest.mark.parametrize("share", [0.0, 0.3, 0.6, 1.0])
@pytest.mark.parametrize("side", ["the candidate's failures", "the incumbent's passes", "both"])
def test_hiding_what_went_badly_never_makes_evidence(share: float, side: str) -> None:
    hidden: Voids = (share * (side != "the incumbent's passes"), 0.0, 0.0, share * (side != "the candidate's failures"))
    config = GateConfig(alpha=0.5, budget=5, stop=0.0, k=1)
    evidence, kept = expected_evidence([0.5, 0.4], [0.5, 0.4], (hidden,), config, cut=2)
    assert evidence <= 1.0 + 1e-9
    assert kept <= config.alpha + 1e-9


@pytest.mark.parametrize(("arm", "counts_as"), [("candidate", 0.0), ("incumbent", 1.0)])
def test_a_void_replay_counts_at_once_and_against_the_candidate(arm: Arm, counts_as: float) -> None:
    def play(void: bool) -> Gate:
        gate = Gate(4, [0, 1], config=GateConfig(budget=12, stop=0.0, trust_themes=False))
        while gate.decision is None:
            y = None if void else counts_as
            gate.tell([y if asked == arm else 0.5 for asked, _ in gate.requests])
        return gate

    told, meant = play(void=True), play(void=False)
    assert told.decision is not None
    assert told.log_e == meant.log_e
    assert told.replays == meant.replays
    assert told.decision.voids[arm] > 0
    assert "void replays counted against it" in told.decision.why
    record = told.record()
    assert recompute_evidence(record) == pytest.approx(told.log_e)
    assert resume_gate(record).record() == record


def test_a_void_replay_that_counts_the_wrong_way_is_found_in_an_audit() -> None:
    gate = Gate(4, [0], config=GateConfig(budget=12, stop=0.0, trust_themes=False))
    gate.tell([None])
    data = gate.record().to_json()
    data["passes"][0]["bets"][0]["outcome"] = 1.0
    with pytest.raises(AuditError, match="counts the wrong way"):
        recompute_evidence(GateRecord.from_json(data))


def test_voids_in_an_old_record_mean_what_they_meant() -> None:
    gate = Gate(4, [0, 1], config=GateConfig(budget=12, stop=0.0, trust_themes=False))
    asked = gate.requests
    data = gate.record().to_json()
    del data["old_answers"]  # as records were before a void replay counted
    data["answers"] = [[None], [None], [None]]
    again = resume_gate(GateRecord.from_json(data))
    assert again.replays == 0
    assert again.log_e == gate.log_e  # it was asked for three times, then skipped
    assert again.requests != asked
    (bet,) = again.record().passes[0].bets
    assert bet.outcome is None
    again.tell([None])  # from here on a void counts
    assert again.replays == 1
    record = GateRecord.from_json(json.loads(json.dumps(again.record().to_json())))
    assert resume_gate(record).record() == record
