"""Decides when to stop looking for a gain.

Giving up can miss a gain but never keeps a candidate that is not better. There are three rules. The first is quick, for
edits whose named tickets can be trusted: it stops when those show no lift. The second compares a few kinds of edit,
each with its own odds of lifting or harming a ticket, and stops when a worthwhile gain has become unlikely. The third
stops when there may be a gain, but one too small to detect with the remaining replays.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from meta.gate.beliefs import EASE, HARM, LIFT, Odds, TicketBelief, view_states
from meta.gate.pass_plan import PassForecast

PRIOR_LOG_ODDS = -1.4
"""About one edit in five helps."""

LIFT_ODDS = 0.6
"""Chance that an edit which helps lifts a ticket it names."""


class EditKind(NamedTuple):
    """A kind of edit: its prior, and its odds on the named and the other tickets."""

    prior: float
    named: Odds
    other: Odds


EDIT_KINDS = (
    EditKind(0.63, Odds(0.0), Odds(0.0)),  # does nothing
    EditKind(0.22, Odds(0.6, 0.02), Odds(0.02, 0.01)),  # does what it says
    EditKind(0.05, Odds(0.3, 0.02), Odds(0.10, 0.02)),  # helps elsewhere too
    EditKind(0.10, Odds(0.3, 0.10), Odds(0.02, 0.15)),  # breaks things
)


class KindFit(NamedTuple):
    """How one kind of edit explains a ticket's runs, and its effect on the ticket."""

    log_likelihood: float
    mean: float
    variance: float


class KindFits(NamedTuple):
    """One ticket's fit to each kind, and its evidence for a lift.

    `log_lift` is the log likelihood ratio of a lift (with chance .6) to no lift.
    """

    kinds: tuple[KindFit, ...]
    log_lift: float


@lru_cache(maxsize=1 << 14)
def fit_kinds(a: float, b: float, passes: int, fails: int, named: bool) -> KindFits:
    """Fit each kind to a ticket's runs; arguments as in `beliefs.view_states`."""
    states = view_states(a, b, passes, fails)
    ratios = [state.likelihood / states.untouched.likelihood for state in states]
    effects = (
        0.0,
        LIFT * (1.0 - states.lifted.incumbent),
        EASE * (1.0 - states.eased.incumbent),
        -HARM * states.harmed.incumbent,
    )
    kinds = []
    for kind in EDIT_KINDS:
        odds = (kind.named if named else kind.other).of_states()
        joint = [chance * ratio for chance, ratio in zip(odds, ratios, strict=True)]
        total = sum(joint)
        mean = sum(x * effect for x, effect in zip(joint, effects, strict=True)) / total
        square = sum(x * effect**2 for x, effect in zip(joint, effects, strict=True)) / total
        kinds.append(KindFit(math.log(total), mean, square - mean * mean))
    lift = sum(chance * ratio for chance, ratio in zip(Odds(LIFT_ODDS).of_states(), ratios, strict=True))
    return KindFits(tuple(kinds), math.log(lift) if named else 0.0)


class KindBeliefs:
    """Running beliefs about what kind of edit this is.

    After an outcome, `update` looks only at its ticket.
    """

    def __init__(self, beliefs: Sequence[TicketBelief], weights: Sequence[float], theme: set[int]) -> None:
        self._beliefs = beliefs
        self._weights = weights
        self._theme = theme
        self._seen: list[KindFits | None] = [None] * len(beliefs)
        self._totals = [[0.0, 0.0, 0.0] for _ in EDIT_KINDS]
        self._log_lift = 0.0
        for ticket in range(len(beliefs)):
            self.update(ticket)

    def update(self, ticket: int) -> None:
        """Replace what was known of a ticket by what is known now."""
        old = self._seen[ticket]
        if old is not None:
            self._count(old, self._weights[ticket], -1.0)
        belief = self._beliefs[ticket]
        new = fit_kinds(belief.a, belief.b, belief.passes, belief.fails, ticket in self._theme)
        self._count(new, self._weights[ticket], 1.0)
        self._seen[ticket] = new

    def _count(self, one: KindFits, w: float, sign: float) -> None:
        self._log_lift += sign * one.log_lift
        for total, fit in zip(self._totals, one.kinds, strict=True):
            total[0] += sign * fit.log_likelihood
            total[1] += sign * w * fit.mean
            total[2] += sign * w * w * fit.variance

    def log_odds_of_lift(self) -> float:
        """Return the log-odds that the edit lifts named tickets rather than none.

        If it does, it lifts each with chance .6.
        """
        return PRIOR_LOG_ODDS + self._log_lift

    def chance_of_gain(self, small_gain: float) -> float:
        """Return P(delta > small_gain), averaged over the kinds.

        For each kind, delta is taken as normal with its mean and variance over tickets.
        """
        n = len(self._beliefs)
        logs = [math.log(kind.prior) + total[0] for kind, total in zip(EDIT_KINDS, self._totals, strict=True)]
        top = max(logs)
        chance = everything = 0.0
        for log, (_, mean, variance) in zip(logs, self._totals, strict=True):
            odds = math.exp(log - top)
            everything += odds
            sd = math.sqrt(max(variance, 0.0)) / n
            away = small_gain - mean / n
            if sd < 1e-7:
                chance += odds * (away < 0.0)
            else:
                chance += odds * 0.5 * math.erfc(away / (sd * math.sqrt(2.0)))
        return chance / everything


def chance_of_keeping(missing: float, plan: PassForecast, replays_left: float) -> float:
    """Return the chance that log W rises by `missing` nats in `replays_left`.

    It assumes that all passes are like the planned one, and treats log W as a Brownian motion with the plan's drift and
    variance per replay. The chance that its maximum gets there is at most twice the chance that its end does
    (reflection principle).
    """
    if plan.runs == 0 or replays_left <= 0:
        return 0.0
    passes = replays_left / plan.runs
    beyond = missing - passes * plan.growth
    sd = math.sqrt(passes * plan.variance)
    if beyond <= 0.0 or sd == 0.0:
        return float(beyond <= 0.0)
    return math.erfc(beyond / (sd * math.sqrt(2.0)))
