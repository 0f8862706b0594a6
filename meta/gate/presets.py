"""Settings by nightly budget, and the strict tier for teams that merge unattended."""

from __future__ import annotations

from dataclasses import dataclass

from meta.gate.gate import MIN_TICKETS_FOR_CLAIM
from meta.gate.gate_record import GateConfig

STRICT_HORIZON = 60
"""Tests over which the strict tier spreads its alpha."""


@dataclass(frozen=True, slots=True)
class Preset:
    """What a night may spend and how sure it must be."""

    name: str
    gate: GateConfig
    screen_runs: int
    """Most replays of the screen on failing search tickets, for each candidate."""
    held_out: int
    """Most held-out tickets in one test: every ticket once before any twice."""
    together: bool = True
    """Whether small edits wait for each other to be tested as one; with few replays a night they would wait long."""


# A test's own budget is wider than a night's: it counts draws that the pool had already, and goes on another night.
# Thirty nights of 200 replays gained .21 with 800 and .15 with 400 (10 sequences of `bench.nights`).
SMALL_PRESET = Preset(
    "up to 100 replays a night", GateConfig(alpha=0.2, k=1, stop=0.2, budget=100), 3, 20, together=False
)
MEDIUM_PRESET = Preset("101 to 400 replays a night", GateConfig(alpha=0.1, k=2, stop=0.15, budget=800), 6, 30)
LARGE_PRESET = Preset("more than 400 replays a night", GateConfig(alpha=0.05, k=2, stop=0.1, budget=800), 6, 60)


def preset_of_budget(nightly_budget: int) -> Preset:
    """The preset for a budget in replays a night."""
    if nightly_budget <= 100:
        return SMALL_PRESET
    return MEDIUM_PRESET if nightly_budget <= 400 else LARGE_PRESET


def is_small_set(n: int) -> bool:
    """Whether n tickets are too few for a held-out set.

    The gate then runs on all of them with fresh draws, and its decision claims "better on these tickets" only.
    """
    return n < MIN_TICKETS_FOR_CLAIM


def e_lond_level_of(alpha: float, kept_so_far: int, horizon: int = STRICT_HORIZON) -> float:
    """alpha_t = (alpha / T) (R + 1): the level of the next gate test, R the tests kept before it.

    Controls the false discovery rate at alpha over T tests whatever the dependence between them (pool draws are
    shared): keep when e_t >= 1 / alpha_t. e-LOND with flat weights 1 / T, Z. Xu and A. Ramdas, "Online multiple testing
    with e-values", AISTATS 2024. W read when the test first reaches its bound is an e-value by optional stopping.
    """
    if kept_so_far < 0 or horizon < 1:
        raise ValueError("kept_so_far must not be negative and the horizon must be at least 1")
    return min(alpha / horizon * (kept_so_far + 1), 1.0)


@dataclass(frozen=True, slots=True)
class StrictTier:
    """Levels for a sequence of gate tests. Screens are no tests and do not count."""

    alpha: float = 0.1
    horizon: int = STRICT_HORIZON
    tests: int = 0
    kept: int = 0

    def level(self) -> float:
        """alpha of the next test; zero weight is left after the horizon, so a new sequence has to be started."""
        if self.tests >= self.horizon:
            raise ValueError(f"all {self.horizon} tests of this sequence are used; start a new one")
        return e_lond_level_of(self.alpha, self.kept, self.horizon)

    def after(self, accepted: bool) -> StrictTier:
        return StrictTier(self.alpha, self.horizon, self.tests + 1, self.kept + int(accepted))
