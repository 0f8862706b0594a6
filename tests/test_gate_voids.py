"""The inequality where replays come back void, and where a test is cut short and taken up again."""

from __future__ import annotations

import itertools
import math

from hypothesis import given, settings
from hypothesis import strategies as st

from meta.gate.gate import Gate
from meta.gate.gate_record import GateConfig
from meta.gate.recomputation import resume_gate

chances = st.floats(0.0, 1.0)


def expected_evidence(
    p: list[float],
    q: list[float],
    void: float,
    config: GateConfig,
    cut: int,
    told: tuple[tuple[float | None, ...], ...],
) -> tuple[float, float]:
    """(E W, P(kept)) over all outcomes, void ones too; after `cut` batches the test is stopped in its record only."""
    gate = Gate(len(p), [0], config=config)
    for number, batch in enumerate(told):
        if number == cut:
            gate = resume_gate(gate.record())
        gate.tell(batch)
    if gate.decision is not None:
        return math.exp(gate.decision.log_e), float(gate.decision.accept)
    if len(told) == 5:
        return math.exp(gate.log_e), 0.0
    evidence = kept = 0.0
    for batch in itertools.product((0.0, 1.0, None), repeat=len(gate.requests)):
        chance = 1.0
        for y, (arm, ticket) in zip(batch, gate.requests, strict=True):
            theta = (q if arm == "candidate" else p)[ticket]
            chance *= void if y is None else (1.0 - void) * (theta if y else 1.0 - theta)
        if chance > 0.0:
            e, k = expected_evidence(p, q, void, config, cut, (*told, batch))
            evidence, kept = evidence + chance * e, kept + chance * k
    return evidence, kept


@settings(max_examples=4, deadline=None)
@given(p=st.tuples(chances, chances), loss=chances, void=st.sampled_from([0.0, 0.3]), cut=st.integers(1, 3))
def test_void_replays_and_interruptions_never_make_evidence(
    p: tuple[float, float], loss: float, void: float, cut: int
) -> None:
    before, after = list(p), [p[1], p[0] * loss]  # no better in the mean: gains are traded, some are lost
    config = GateConfig(alpha=0.5, budget=4, stop=0.0, retries=0, k=1)
    evidence, kept = expected_evidence(before, after, void, config, cut, ())
    assert evidence <= 1.0 + 1e-9
    assert kept <= config.alpha + 1e-9


def test_voids_that_only_one_arm_has_do_not_help_it() -> None:
    gate = Gate(2, [0, 1], config=GateConfig(alpha=0.5, budget=6, stop=0.0, retries=0))
    while gate.decision is None:
        gate.tell([None if arm == "incumbent" else 1.0 for arm, _ in gate.requests])
    assert gate.log_e <= 1e-9  # runs not made count as if the incumbent had passed
