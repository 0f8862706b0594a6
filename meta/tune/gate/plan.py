"""Where the replays of a pass go: the stake, what to skip, the order. Planning affects power only.

A run is worth its planned gain: the growth of log W over what a run not made counts (0 for the candidate, -stake for
the incumbent). Where that is tiny the run is skipped: candidate runs on tickets both surely fail, incumbent runs on
tickets it surely passes. What is left is the gain on the tickets the edit names and a check that nothing else broke.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from .beliefs import Odds, TicketBelief
from .bets import expected_log_factor, log_not_made
from .records import Arm, GateConfig

NAMED = Odds(lifted=0.6, harmed=0.02)
OTHER = Odds(lifted=0.02, harmed=0.02)
"""Bets are placed as if the edit works as it says: if it does not, losing the bets faster is no loss."""

STAKES = (0.08, 0.12, 0.18, 0.25, 0.35, 0.45, 0.55, 0.65, 0.8, 1.0, 1.2, 1.5)


@dataclass(frozen=True, slots=True)
class Slot:
    """Room for one run in a pass: `share` of the arm's stake on the ticket."""

    arm: Arm
    ticket: int
    share: float


def gain(arm: Arm, stake: float, belief: float) -> float:
    """Planned gain in nats of making a run over not making it; `stake` is a size."""
    signed = stake if arm == "candidate" else -stake
    return expected_log_factor(signed, belief) - log_not_made(signed)


def least_gain(arm: Arm, config: GateConfig) -> float:
    return config.least_gain_candidate if arm == "candidate" else config.least_gain_incumbent


class Planner:
    """Plans one candidate's passes from the current beliefs."""

    def __init__(
        self, config: GateConfig, beliefs: Sequence[TicketBelief], weights: Sequence[float], theme: set[int]
    ) -> None:
        self._config = config
        self._beliefs = beliefs
        self._weights = weights
        self._theme = theme

    def odds(self, ticket: int) -> Odds:
        return NAMED if ticket in self._theme else OTHER

    def belief(self, arm: Arm, ticket: int) -> float:
        """pi for the next run of `arm` on `ticket`."""
        about = self._beliefs[ticket].predict(self.odds(ticket))
        return about.candidate if arm == "candidate" else about.incumbent

    def stake(self) -> float:
        """The stake with the largest planned growth, kept within the configured range.

        The range keeps a pass from being wasted: below it a pass of replays can gain hardly anything, above it one
        unlucky pass can hardly be made good again.
        """
        pi = [(self.belief("candidate", i), self.belief("incumbent", i)) for i in range(len(self._beliefs))]
        best = max(STAKES, key=lambda lam: self._growth(lam, pi))
        return min(max(best, self._config.min_stake), self._config.max_stake)

    def _growth(self, lam: float, pi: Sequence[tuple[float, float]]) -> float:
        total = 0.0
        for w, (candidate, incumbent) in zip(self._weights, pi, strict=True):
            gains = gain("candidate", lam * w, candidate)
            if gains >= self._config.least_gain_candidate:
                total += gains
            runs = self._runs(incumbent)
            size = lam * w / runs
            gains = gain("incumbent", size, incumbent)
            total -= lam * w
            if gains >= self._config.least_gain_incumbent:
                total += runs * gains
        return total

    def _runs(self, belief: float) -> int:
        low, high = self._config.uncertain
        return self._config.k if low < belief < high else 1

    def slots(self, lam: float) -> Iterator[Slot]:
        """The runs of a pass in order: candidate runs on named tickets, its other runs, then the incumbent's.

        A candidate that does nothing, or breaks things, shows it in its own runs; the incumbent's would say nothing
        about it. Within each group the largest planned gain comes first, so that W crosses its bound early.
        """
        ranked: list[tuple[int, float, Slot]] = []
        for i, w in enumerate(self._weights):
            named = i in self._theme
            belief = self.belief("candidate", i)
            slot = Slot("candidate", i, 1.0)
            if named:
                ranked.append((0, self.belief("incumbent", i), slot))
            else:
                ranked.append((1, -gain("candidate", lam * w, belief), slot))
            belief = self.belief("incumbent", i)
            runs = self._runs(belief)
            for _ in range(runs):
                share = 1.0 / runs
                ranked.append((2, -gain("incumbent", lam * w * share, belief), Slot("incumbent", i, share)))
        ranked.sort(key=lambda entry: entry[:2])
        return (slot for _, _, slot in ranked)
