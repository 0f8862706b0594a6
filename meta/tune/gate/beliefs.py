"""What is guessed about each ticket. Guesses decide how many replays a test takes, never whether it is right.

A ticket's success under the incumbent is p ~ Beta(a, b): Beta(.35, .45) at the start, since tickets tend to be solved
nearly always or nearly never, plus whatever earlier runs showed. To the edit a ticket is in one of three states:

    untouched   q = p
    lifted      q = p + .75 (1 - p)
    harmed      q = .25 p

Runs of both arms update the belief about p and about the state together. All of it is in closed form: a likelihood in
any state is a polynomial in p and 1 - p, and the moments of a Beta are products.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

PRIOR = (0.35, 0.45)
"""Beta prior of a ticket's success before any run."""

LIFT = 0.75
"""Share of the failures that a lifted ticket loses, and of the passes that a harmed one does."""


class Odds(NamedTuple):
    """Prior chances that an edit lifts or harms a ticket; otherwise it leaves the ticket alone."""

    lifted: float
    harmed: float = 0.0


class StateView(NamedTuple):
    """One state, given a ticket's runs."""

    likelihood: float
    """Chance of the candidate's runs in this state."""
    candidate: float
    """E[q], the chance that one more candidate run passes."""
    incumbent: float
    """E[p], the chance that one more incumbent run passes."""


class Views(NamedTuple):
    untouched: StateView
    lifted: StateView
    harmed: StateView


class Prediction(NamedTuple):
    """What is expected of a ticket's next runs, over the three states."""

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


def _lifted(a: float, b: float, passes: int, fails: int) -> float:
    """E[q^passes (1 - q)^fails] for q = p + LIFT (1 - p).

    1 - q = (1 - LIFT)(1 - p), and q^passes is expanded by the binomial theorem.
    """
    terms = (math.comb(passes, j) * LIFT**j * _moment(a, b, passes - j, fails + j) for j in range(passes + 1))
    return float((1.0 - LIFT) ** fails * sum(terms))


def _harmed(a: float, b: float, passes: int, fails: int) -> float:
    """The mirror image: p and 1 - p change places."""
    return _lifted(b, a, fails, passes)


@lru_cache(maxsize=1 << 14)
def views(a: float, b: float, passes: int, fails: int) -> Views:
    """The three states, when p ~ Beta(a, b) after the incumbent's runs and the candidate had `passes` and `fails`."""
    made = []
    for chance in (_moment, _lifted, _harmed):
        likelihood = chance(a, b, passes, fails)
        candidate = chance(a, b, passes + 1, fails) / likelihood
        incumbent = a / (a + b) * chance(a + 1.0, b, passes, fails) / likelihood
        made.append(StateView(likelihood, candidate, incumbent))
    return Views(*made)


@lru_cache(maxsize=1 << 14)
def predict(a: float, b: float, passes: int, fails: int, odds: Odds) -> Prediction:
    """Bayes over the three states."""
    prior = (1.0 - odds.lifted - odds.harmed, odds.lifted, odds.harmed)
    states = views(a, b, passes, fails)
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

    def saw_incumbent(self, passed: bool) -> None:
        if passed:
            self.a += 1.0
        else:
            self.b += 1.0

    def saw_candidate(self, passed: bool) -> None:
        if passed:
            self.passes += 1
        else:
            self.fails += 1

    def views(self) -> Views:
        return views(self.a, self.b, self.passes, self.fails)

    def predict(self, odds: Odds) -> Prediction:
        return predict(self.a, self.b, self.passes, self.fails, odds)
