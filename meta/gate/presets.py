"""Settings by nightly budget, and the strict tier for unattended merges."""

from __future__ import annotations

from dataclasses import dataclass

from meta.gate.gate import MIN_TICKETS_FOR_CLAIM
from meta.gate.gate_record import GateConfig

STRICT_HORIZON = 60
"""Number of tests over which the strict tier spreads its alpha."""


@dataclass(frozen=True, slots=True)
class Preset:
    """What a night may spend and how sure it must be."""

    name: str
    gate: GateConfig
    screen_runs: int
    """Most replays of each candidate on failing search tickets, before its test."""
    held_out: int
    """Most held-out tickets in one test; every ticket is used once before any is used twice."""
    together: bool = True
    """Whether small edits wait to be tested together; with few replays a night, they would wait too long."""


# A test's budget is larger than a night's: it includes draws from the pool, and a test can go on for several nights.
# Thirty nights of 200 replays gained .21 with 800 and .15 with 400 (10 sequences of `bench.nights`).
SMALL_PRESET = Preset(
    "up to 100 replays a night", GateConfig(alpha=0.2, k=1, stop=0.2, budget=100), 3, 20, together=False
)
MEDIUM_PRESET = Preset("101 to 400 replays a night", GateConfig(alpha=0.1, k=2, stop=0.15, budget=800), 6, 30)
LARGE_PRESET = Preset("more than 400 replays a night", GateConfig(alpha=0.05, k=2, stop=0.1, budget=800), 6, 60)


def preset_of_budget(nightly_budget: int) -> Preset:
    """Return the preset for a number of replays a night."""
    if nightly_budget <= 100:
        return SMALL_PRESET
    return MEDIUM_PRESET if nightly_budget <= 400 else LARGE_PRESET


def is_small_set(n: int) -> bool:
    """Whether n tickets are too few for a held-out set.

    The gate then runs on all of them with fresh draws, and only claims "better on these tickets".
    """
    return n < MIN_TICKETS_FOR_CLAIM


def e_lond_level_of(alpha: float, kept_so_far: int, horizon: int = STRICT_HORIZON) -> float:
    """Return the next test's level, alpha_t = (alpha / T) (R + 1).

    R is the number of earlier tests whose candidate was kept. Keeping a candidate when e_t >= 1 / alpha_t controls the
    false discovery rate at alpha over T tests, however they depend on each other (they share pool draws). This is
    e-LOND with flat weights 1 / T: Z. Xu and A. Ramdas, "Online multiple testing with e-values", AISTATS 2024. W when
    the test first reaches its bound is an e-value by optional stopping.
    """
    if kept_so_far < 0 or horizon < 1:
        raise ValueError("kept_so_far must not be negative and the horizon must be at least 1")
    return min(alpha / horizon * (kept_so_far + 1), 1.0)


@dataclass(frozen=True, slots=True)
class StrictTier:
    """Levels for a sequence of gate tests; screens do not count as tests."""

    alpha: float = 0.1
    horizon: int = STRICT_HORIZON
    tests: int = 0
    kept: int = 0

    def level(self) -> float:
        """Return alpha of the next test.

        Raises `ValueError` after the last test of the horizon: a new sequence has to be started.
        """
        if self.tests >= self.horizon:
            raise ValueError(f"all {self.horizon} tests of this sequence are used; start a new one")
        return e_lond_level_of(self.alpha, self.kept, self.horizon)

    def after(self, accepted: bool) -> StrictTier:
        return StrictTier(self.alpha, self.horizon, self.tests + 1, self.kept + int(accepted))
