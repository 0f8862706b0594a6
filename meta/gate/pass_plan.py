"""Plans the replays of a pass: the stake, what to skip, and the order.

Planning affects power only. A run is worth its planned gain: the growth of log W beyond what a skipped run counts (0
for the candidate, -stake for the incumbent). If that is tiny, the run is skipped, as with candidate runs on tickets
that both versions surely fail, or incumbent runs on tickets that it surely passes. The rest measures the gain on the
tickets that the edit names, and checks that nothing else broke.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from meta.gate.beliefs import Odds, TicketBelief
from meta.gate.bets import (
    BELIEF_FLOOR,
    expected_log_factor_of,
    find_growth_optimal_u,
    log_factor_of,
    log_factor_of_missing_run,
)
from meta.gate.gate_record import Arm, GateConfig

NAMED_TICKET_ODDS = Odds(helped=0.6, harmed=0.02)
OTHER_TICKET_ODDS = Odds(helped=0.02, harmed=0.02)
"""Bets assume that the edit works as it says: if it does not, losing them faster costs nothing."""

PASS_STAKES = (0.08, 0.12, 0.18, 0.25, 0.35, 0.45, 0.55, 0.65, 0.8, 1.0, 1.2, 1.5)


@dataclass(frozen=True, slots=True)
class RunSlot:
    """One run in a pass, with its `share` of the arm's stake on the ticket."""

    arm: Arm
    ticket: int
    share: float


def planned_gain_of(arm: Arm, stake: float, belief: float) -> float:
    """Return the planned gain of running over skipping, in nats; `stake` is unsigned."""
    signed = stake if arm == "candidate" else -stake
    return expected_log_factor_of(signed, belief) - log_factor_of_missing_run(signed)


@lru_cache(maxsize=1 << 14)
def variance_of_bet(arm: Arm, stake: float, belief: float) -> float:
    """Return the variance of a bet's log factor under the belief.

    It is pi (1 - pi) log((u + s) / u)^2.
    """
    pi = min(max(belief, BELIEF_FLOOR), 1.0 - BELIEF_FLOOR)
    signed = stake if arm == "candidate" else -stake
    u = find_growth_optimal_u(signed, pi)
    return pi * (1.0 - pi) * (log_factor_of(1.0, signed, u) - log_factor_of(0.0, signed, u)) ** 2


def least_gain_of(arm: Arm, config: GateConfig) -> float:
    return config.least_gain_candidate if arm == "candidate" else config.least_gain_incumbent


@dataclass(frozen=True, slots=True)
class PassForecast:
    """What a pass at some stake is expected to add to log W."""

    growth: float
    variance: float
    runs: int


class PassPlanner:
    """Plans one candidate's passes from the current beliefs."""

    def __init__(
        self, config: GateConfig, beliefs: Sequence[TicketBelief], weights: Sequence[float], theme: set[int]
    ) -> None:
        self._config = config
        self._beliefs = beliefs
        self._weights = weights
        self._theme = theme

    def odds(self, ticket: int) -> Odds:
        return NAMED_TICKET_ODDS if ticket in self._theme else OTHER_TICKET_ODDS

    def belief(self, arm: Arm, ticket: int) -> float:
        """Return pi for the next run of `arm` on `ticket`."""
        prediction = self._beliefs[ticket].predict(self.odds(ticket))
        return prediction.candidate if arm == "candidate" else prediction.incumbent

    def stake(self) -> float:
        """Return the stake with the largest planned growth in the configured range.

        Below that range a pass gains hardly anything; above it, one unlucky pass can hardly be recovered.
        """
        best = max(PASS_STAKES, key=lambda lam: self.outlook(lam).growth)
        return min(max(best, self._config.min_stake), self._config.max_stake)

    def outlook(self, lam: float) -> PassForecast:
        """Return the mean and variance of a pass's log V, and the runs it takes."""
        growth = variance = 0.0
        planned = 0
        for i, w in enumerate(self._weights):
            prediction = self._beliefs[i].predict(self.odds(i))
            growth -= lam * w  # all of the incumbent's stake, until its runs are planned
            plans: tuple[tuple[Arm, float, int], ...] = (
                ("candidate", prediction.candidate, 1),
                ("incumbent", prediction.incumbent, self._runs(prediction.incumbent)),
            )
            for arm, pi, runs in plans:
                size = lam * w / runs
                gains = planned_gain_of(arm, size, pi)
                if gains < least_gain_of(arm, self._config):
                    continue
                growth += runs * gains
                variance += runs * variance_of_bet(arm, size, pi)
                planned += runs
        return PassForecast(growth, variance, planned)

    def _runs(self, belief: float) -> int:
        low, high = self._config.uncertain
        return self._config.k if low < belief < high else 1

    def _looks(self) -> int:
        """Return candidate runs on each named ticket in the first pass.

        The fewer tickets a theme has, the more runs each gets: if the edit does not do what it says, the rest of the
        pass is saved, and two runs are too few to tell.
        """
        looks = math.ceil(self._config.first_looks / len(self._theme)) if self._theme else 1
        return max(1, min(self._config.most_looks, looks))

    def slots(self, lam: float, *, first: bool) -> Iterator[RunSlot]:
        """Return the runs of a pass, those that tell most first.

        Candidate runs on the named tickets come first, where a useless candidate shows itself. The others follow by
        planned gain, so that W crosses its bound early.
        """
        ranked: list[tuple[int, float, RunSlot]] = []
        looks = self._looks() if first else 1
        for i, w in enumerate(self._weights):
            belief = self.belief("candidate", i)
            if i in self._theme:
                expected = self.belief("incumbent", i)
                for turn in range(looks):
                    ranked.append((turn - looks, expected, RunSlot("candidate", i, 1.0 / looks)))
            else:
                ranked.append((0, -planned_gain_of("candidate", lam * w, belief), RunSlot("candidate", i, 1.0)))
            belief = self.belief("incumbent", i)
            runs = self._runs(belief)
            for _ in range(runs):
                share = 1.0 / runs
                ranked.append(
                    (0, -planned_gain_of("incumbent", lam * w * share, belief), RunSlot("incumbent", i, share))
                )
        ranked.sort(key=lambda entry: entry[:2])
        return (slot for _, _, slot in ranked)
