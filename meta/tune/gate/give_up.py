"""When to stop looking. Giving up can miss a gain; it can never keep a candidate that is not better.

Two rules. The first is quick and for edits whose named tickets can be trusted: the named tickets show no lift. The
second weighs a few kinds of edit against each other, each with its own odds of lifting and harming a ticket, and stops
when a gain worth having has become unlikely.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from .beliefs import LIFT, Odds, State, TicketBelief

PRIOR_LOG_ODDS = -1.4
"""About one edit in five helps."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of edit: how likely it is before any run, and its odds on the tickets it names and on the others."""

    prior: float
    named: Odds
    other: Odds


KINDS = (
    Kind(0.60, Odds(0.0), Odds(0.0)),  # does nothing
    Kind(0.25, Odds(0.6, 0.02), Odds(0.02, 0.01)),  # does what it says
    Kind(0.05, Odds(0.3, 0.02), Odds(0.10, 0.02)),  # helps, elsewhere too
    Kind(0.10, Odds(0.3, 0.10), Odds(0.02, 0.15)),  # breaks things
)


class Hopes:
    """Running beliefs about what kind of edit this is. `update` after each outcome costs one ticket, not all."""

    def __init__(self, beliefs: Sequence[TicketBelief], weights: Sequence[float], theme: set[int]) -> None:
        self._beliefs = beliefs
        self._weights = weights
        self._theme = theme
        n = len(beliefs)
        self._log_lift = [0.0] * n
        self._fit = [[0.0] * len(KINDS) for _ in range(n)]
        self._effect = [[(0.0, 0.0)] * len(KINDS) for _ in range(n)]
        for ticket in range(n):
            self.update(ticket)

    def update(self, ticket: int) -> None:
        about, named = self._beliefs[ticket], ticket in self._theme
        untouched = about.likelihood(State.UNTOUCHED)
        ratio = {s: about.likelihood(s) / untouched for s in State}
        up = LIFT * (1.0 - about.incumbent_in(State.LIFTED))
        down = -LIFT * about.incumbent_in(State.HARMED)
        if named:
            self._log_lift[ticket] = math.log(0.6 * ratio[State.LIFTED] + 0.4)
        w = self._weights[ticket]
        for index, kind in enumerate(KINDS):
            odds = kind.named if named else kind.other
            fit = sum(odds.of(s) * ratio[s] for s in State)
            lifted = odds.lifted * ratio[State.LIFTED] / fit
            harmed = odds.harmed * ratio[State.HARMED] / fit
            mean = lifted * up + harmed * down
            square = lifted * up**2 + harmed * down**2
            self._fit[ticket][index] = math.log(fit)
            self._effect[ticket][index] = (w * mean, w**2 * (square - mean**2))

    def log_odds_of_lift(self) -> float:
        """Log-odds that the edit lifts the tickets it names (each with chance .6) against that it lifts none."""
        return PRIOR_LOG_ODDS + sum(self._log_lift)

    def chance_of_gain(self, small_gain: float) -> float:
        """P(delta > small_gain): over the kinds, delta taken as normal with its mean and variance over tickets."""
        n = len(self._beliefs)
        logs, above = [], []
        for index, kind in enumerate(KINDS):
            logs.append(math.log(kind.prior) + sum(fit[index] for fit in self._fit))
            mean = sum(effect[index][0] for effect in self._effect) / n
            sd = math.sqrt(sum(effect[index][1] for effect in self._effect)) / n
            if sd < 1e-9:
                above.append(1.0 if mean > small_gain else 0.0)
            else:
                above.append(0.5 * math.erfc((small_gain - mean) / (sd * math.sqrt(2.0))))
        top = max(logs)
        odds = [math.exp(value - top) for value in logs]
        return sum(o * chance for o, chance in zip(odds, above, strict=True)) / sum(odds)
