"""Beliefs about each ticket.

They affect how many replays a test takes, never whether it is right.

A ticket's success rate under the incumbent is p ~ Beta(a, b). It starts at Beta(.35, .45), because most tickets are
solved nearly always or nearly never, and is updated with earlier runs. An edit puts each ticket in one of four states:

    untouched   q = p
    lifted      q = p + .75 (1 - p)
    eased       q = p + .35 (1 - p)
    harmed      q = .25 p

Runs of both arms update the beliefs about p and about the state together. Everything is in closed form: the likelihood
in each state is a polynomial in p and 1 - p, and the moments of a Beta are products.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import NamedTuple

SUCCESS_PRIOR = (0.35, 0.45)
"""Beta prior of a ticket's success rate before any run."""

LIFT, EASE, HARM = 0.75, 0.35, 0.75
"""Share of its failures that a lifted or eased ticket loses, and share of its passes that a harmed ticket loses."""

EASED_SHARE = 0.3
"""Share of the tickets helped by an edit that it only eases."""

MIN_BETA_PARAMETER = 0.3
"""Smallest parameter of a Beta belief, so that a few runs with the same outcome do not mean certainty."""

MAX_EARLIER_RUNS = 40.0
"""Most runs that earlier runs count as, because models and repositories drift."""

MAX_RUNS_PER_ARM = 100
"""Further runs of an arm on a ticket are ignored: they teach little, and likelihoods could underflow."""


class Odds(NamedTuple):
    """Prior chances that an edit helps or harms a ticket.

    Otherwise it leaves the ticket alone.
    """

    helped: float
    harmed: float = 0.0

    def of_states(self) -> tuple[float, float, float, float]:
        """Return the chances of untouched, lifted, eased and harmed."""
        eased = EASED_SHARE * self.helped
        return 1.0 - self.helped - self.harmed, self.helped - eased, eased, self.harmed


class StateView(NamedTuple):
    """One state in the light of a ticket's runs."""

    likelihood: float
    """Probability of the candidate's runs in this state."""
    candidate: float
    """E[q], the chance that one more candidate run passes."""
    incumbent: float
    """E[p], the chance that one more incumbent run passes."""


class StateViews(NamedTuple):
    untouched: StateView
    lifted: StateView
    eased: StateView
    harmed: StateView


class Prediction(NamedTuple):
    """Expected outcomes of a ticket's next runs, averaged over the four states."""

    candidate: float
    incumbent: float
    untouched: float
    """Chance that the edit leaves the ticket alone."""


def _moment(a: float, b: float, passes: int, fails: int) -> float:
    """Return E[p^passes (1 - p)^fails] for p ~ Beta(a, b).

    Rising factorials make it exact without gamma functions.
    """
    value = 1.0
    for j in range(passes):
        value *= (a + j) / (a + b + j)
    for j in range(fails):
        value *= (b + j) / (a + b + passes + j)
    return value


def _lift_moment(share: float, a: float, b: float, passes: int, fails: int) -> float:
    """Return E[q^passes (1 - q)^fails] for q = p + share (1 - p).

    It uses 1 - q = (1 - share)(1 - p) and the binomial expansion of q^passes.
    """
    terms = (math.comb(passes, j) * share**j * _moment(a, b, passes - j, fails + j) for j in range(passes + 1))
    return float((1.0 - share) ** fails * sum(terms))


def _harm_moment(a: float, b: float, passes: int, fails: int) -> float:
    """Return the same for a harmed ticket: p and 1 - p change places."""
    return _lift_moment(HARM, b, a, fails, passes)


@lru_cache(maxsize=1 << 14)
def view_states(a: float, b: float, passes: int, fails: int) -> StateViews:
    """Return the four states in the light of a ticket's runs.

    Beta(a, b) includes the incumbent's runs; `passes` and `fails` count the candidate's.
    """
    views = []
    for chance in (_moment, partial(_lift_moment, LIFT), partial(_lift_moment, EASE), _harm_moment):
        likelihood = chance(a, b, passes, fails)
        candidate = chance(a, b, passes + 1, fails) / likelihood
        incumbent = a / (a + b) * chance(a + 1.0, b, passes, fails) / likelihood
        views.append(StateView(likelihood, candidate, incumbent))
    return StateViews(*views)


@lru_cache(maxsize=1 << 14)
def predict_runs(a: float, b: float, passes: int, fails: int, odds: Odds) -> Prediction:
    """Return expected outcomes of the next runs, by Bayes over the four states."""
    prior = odds.of_states()
    states = view_states(a, b, passes, fails)
    joint = [chance * state.likelihood for chance, state in zip(prior, states, strict=True)]
    total = sum(joint)
    return Prediction(
        candidate=sum(j * state.candidate for j, state in zip(joint, states, strict=True)) / total,
        incumbent=sum(j * state.incumbent for j, state in zip(joint, states, strict=True)) / total,
        untouched=joint[0] / total,
    )


@dataclass(slots=True)
class TicketBelief:
    """Belief about one ticket.

    Beta(a, b) includes the incumbent's runs; `passes` and `fails` count the candidate's.
    """

    a: float
    b: float
    passes: int = 0
    fails: int = 0
    incumbent_runs: int = 0

    @classmethod
    def from_earlier(cls, a: float, b: float) -> TicketBelief:
        """Return the belief Beta(a, b) from earlier runs, kept from being too certain."""
        scale = min(1.0, MAX_EARLIER_RUNS / (a + b))
        return cls(max(a * scale, MIN_BETA_PARAMETER), max(b * scale, MIN_BETA_PARAMETER))

    def saw_incumbent(self, passed: bool) -> None:
        if self.incumbent_runs < MAX_RUNS_PER_ARM:
            self.incumbent_runs += 1
            self.a += passed
            self.b += not passed

    def saw_candidate(self, passed: bool) -> None:
        if self.passes + self.fails < MAX_RUNS_PER_ARM:
            self.passes += passed
            self.fails += not passed

    def predict(self, odds: Odds) -> Prediction:
        return predict_runs(self.a, self.b, self.passes, self.fails, odds)
