"""What is guessed about each ticket. Guesses decide how many replays a test takes, never whether it is right.

A ticket's success under the incumbent is p ~ Beta(a, b): Beta(.35, .45) at the start, since tickets tend to be solved
nearly always or nearly never, plus whatever earlier runs showed. To the edit a ticket is in one of four states:

    untouched   q = p
    lifted      q = p + .75 (1 - p)
    eased       q = p + .35 (1 - p)
    harmed      q = .25 p

Runs of both arms update the belief about p and about the state together. All of it is in closed form: a likelihood in
any state is a polynomial in p and 1 - p, and the moments of a Beta are products.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import NamedTuple

SUCCESS_PRIOR = (0.35, 0.45)
"""Beta prior of a ticket's success before any run."""

LIFT, EASE, HARM = 0.75, 0.35, 0.75
"""Shares of the failures that a lifted or an eased ticket loses, and of the passes that a harmed one does."""

EASED_SHARE = 0.3
"""Of the tickets that an edit helps, the share that it only eases."""

MIN_BETA_PARAMETER = 0.3
"""Smallest parameter of a Beta belief: a few runs that all ended alike must not mean certainty."""

MAX_EARLIER_RUNS = 40.0
"""Earlier runs count as at most so many: models and repositories drift."""

MAX_RUNS_PER_ARM = 100
"""Runs of an arm on a ticket beyond which nothing more is learned about it (and no likelihood underflows)."""


class Odds(NamedTuple):
    """Prior chances that an edit helps or harms a ticket; otherwise it leaves the ticket alone."""

    helped: float
    harmed: float = 0.0

    def of_states(self) -> tuple[float, float, float, float]:
        """Chances of untouched, lifted, eased, harmed."""
        eased = EASED_SHARE * self.helped
        return 1.0 - self.helped - self.harmed, self.helped - eased, eased, self.harmed


class StateView(NamedTuple):
    """One state, given a ticket's runs."""

    likelihood: float
    """Chance of the candidate's runs in this state."""
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
    """What is expected of a ticket's next runs, over the four states."""

    candidate: float
    incumbent: float
    untouched: float
    """Chance that the edit leaves the ticket alone."""


def _moment(a: float, b: float, passes: int, fails: int) -> float:
    """E[p^passes (1 - p)^fails] for p ~ Beta(a, b): rising factorials, exact and without gamma functions."""
    value = 1.0
    for j in range(passes):
        value *= (a + j) / (a + b + j)
    for j in range(fails):
        value *= (b + j) / (a + b + passes + j)
    return value


def _helped(share: float, a: float, b: float, passes: int, fails: int) -> float:
    """E[q^passes (1 - q)^fails] for q = p + share (1 - p).

    1 - q = (1 - share)(1 - p), and q^passes is expanded by the binomial theorem.
    """
    terms = (math.comb(passes, j) * share**j * _moment(a, b, passes - j, fails + j) for j in range(passes + 1))
    return float((1.0 - share) ** fails * sum(terms))


def _harmed(a: float, b: float, passes: int, fails: int) -> float:
    """The mirror image: p and 1 - p change places."""
    return _helped(HARM, b, a, fails, passes)


@lru_cache(maxsize=1 << 14)
def view_states(a: float, b: float, passes: int, fails: int) -> StateViews:
    """The four states, when p ~ Beta(a, b) after the incumbent's runs and the candidate had `passes` and `fails`."""
    made = []
    for chance in (_moment, partial(_helped, LIFT), partial(_helped, EASE), _harmed):
        likelihood = chance(a, b, passes, fails)
        candidate = chance(a, b, passes + 1, fails) / likelihood
        incumbent = a / (a + b) * chance(a + 1.0, b, passes, fails) / likelihood
        made.append(StateView(likelihood, candidate, incumbent))
    return StateViews(*made)


@lru_cache(maxsize=1 << 14)
def predict_runs(a: float, b: float, passes: int, fails: int, odds: Odds) -> Prediction:
    """Bayes over the four states."""
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
    """Belief about one ticket: Beta(a, b) with the incumbent's runs folded in, and the candidate's runs so far."""

    a: float
    b: float
    passes: int = 0
    fails: int = 0

    incumbent_runs: int = 0

    @classmethod
    def from_earlier(cls, a: float, b: float) -> TicketBelief:
        """From Beta(a, b) of earlier runs, not too sure of itself."""
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
