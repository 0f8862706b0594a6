"""Estimates what today's tickets and budget can detect, before a night begins.

It runs the real gate on worlds drawn from the beliefs. The estimate is as good as the beliefs; the gate's promise does
not depend on it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from meta.gate.beliefs import LIFT, SUCCESS_PRIOR
from meta.gate.gate import Gate
from meta.gate.gate_record import GateConfig


@dataclass(frozen=True, slots=True)
class GatePower:
    """The chance that a candidate with this true effect is kept, and its cost."""

    delta: float
    power: float
    standard_error: float
    replays: float
    """Mean replays of a test, kept or not; draws from the pool save some of them."""
    reachable: float
    """Largest effect that these tickets leave room for; above it, the power is 0."""


def draw_lifted_world(
    prior: Sequence[tuple[float, float]], delta: float, rng: Random
) -> tuple[list[float], list[float], list[int]]:
    """Return (p, q, theme): true success rates, and an edit of mean effect `delta`.

    The rates are drawn from the beliefs. An edit answers failures, so it lifts tickets that are believed to fail first,
    in random order.
    """
    p = [rng.betavariate(max(a, 0.05), max(b, 0.05)) for a, b in prior]
    order = list(range(len(p)))
    rng.shuffle(order)
    order.sort(key=lambda i: prior[i][0] / sum(prior[i]) > 0.7)
    q, theme, missing = list(p), [], delta * len(p)
    for i in order:
        if missing <= 1e-12:
            break
        step = min(LIFT * (1.0 - p[i]), missing)
        q[i] += step
        missing -= step
        theme.append(i)
    return p, q, theme


def estimate_power(
    delta: float,
    *,
    n: int,
    prior: Sequence[tuple[float, float]] | None = None,
    config: GateConfig | None = None,
    simulations: int = 200,
    seed: int = 0,
) -> GatePower:
    """Return the power and mean replays of a test of a candidate of effect `delta`."""
    beliefs = list(prior) if prior is not None else [SUCCESS_PRIOR] * n
    rng = Random(seed)
    kept = replays = 0
    room = 0.0
    for _ in range(simulations):
        p, q, theme = draw_lifted_world(beliefs, delta, rng)
        room += LIFT * (1.0 - sum(p) / n)
        gate = Gate(n, theme, prior=beliefs, config=config)
        while gate.decision is None:
            gate.tell([float(rng.random() < (q if arm == "candidate" else p)[i]) for arm, i in gate.requests])
        kept += gate.decision.accept
        replays += gate.replays
    share = kept / simulations
    return GatePower(
        delta=delta,
        power=share,
        standard_error=math.sqrt(max(share * (1.0 - share), 1e-9) / simulations),
        replays=replays / simulations,
        reachable=room / simulations,
    )
