"""What is guessed about each ticket. Guesses decide how many replays a test takes, never whether it is right.

A ticket's success under the incumbent is p ~ Beta(a, b): Beta(.35, .45) at the start, since tickets tend to be solved
nearly always or nearly never, plus whatever earlier runs showed. To the edit a ticket is in one of three states:

    untouched   q = p
    lifted      q = p + .75 (1 - p)
    harmed      q = .25 p

Runs of both arms update the belief about p and about the state together. All of it is in closed form: with
r = 1 - p or p, a likelihood in any state is a polynomial in p and 1 - p, and the moments of a Beta are products.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache

PRIOR = (0.35, 0.45)
"""Beta prior of a ticket's success before any run."""

LIFT = 0.75
"""Share of the failures that a lifted ticket loses, and of the passes that a harmed one does."""


class State(Enum):
    """What an edit does to a ticket."""

    UNTOUCHED = "untouched"
    LIFTED = "lifted"
    HARMED = "harmed"


@dataclass(frozen=True, slots=True)
class Odds:
    """Prior chances that an edit lifts or harms a ticket; the rest is untouched."""

    lifted: float
    harmed: float = 0.0

    def of(self, state: State) -> float:
        if state is State.LIFTED:
            return self.lifted
        return self.harmed if state is State.HARMED else 1.0 - self.lifted - self.harmed


def _moment(a: float, b: float, passes: int, fails: int) -> float:
    """E[p^passes (1 - p)^fails] for p ~ Beta(a, b): rising factorials, exact and without gamma functions."""
    value = 1.0
    for j in range(passes):
        value *= (a + j) / (a + b + j)
    for j in range(fails):
        value *= (b + j) / (a + b + passes + j)
    return value


@lru_cache(maxsize=1 << 16)
def marginal(a: float, b: float, passes: int, fails: int, state: State) -> float:
    """Chance of one order of `passes` and `fails` candidate runs when p ~ Beta(a, b) and the ticket is in `state`."""
    if state is State.UNTOUCHED:
        return _moment(a, b, passes, fails)
    if state is State.HARMED:  # the mirror image: p and 1 - p change places
        return marginal(b, a, fails, passes, State.LIFTED)
    # q = p + LIFT (1 - p), hence 1 - q = (1 - LIFT)(1 - p); q^passes is expanded by the binomial theorem.
    terms = (math.comb(passes, j) * LIFT**j * _moment(a, b, passes - j, fails + j) for j in range(passes + 1))
    return float((1.0 - LIFT) ** fails * sum(terms))


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

    def likelihood(self, state: State) -> float:
        """Chance of the candidate's runs if the ticket is in `state`."""
        return marginal(self.a, self.b, self.passes, self.fails, state)

    def candidate_in(self, state: State) -> float:
        """E[q] in `state` given all runs: the chance that one more candidate run passes."""
        return marginal(self.a, self.b, self.passes + 1, self.fails, state) / self.likelihood(state)

    def incumbent_in(self, state: State) -> float:
        """E[p] in `state` given all runs."""
        given_pass = marginal(self.a + 1.0, self.b, self.passes, self.fails, state)
        return self.a / (self.a + self.b) * given_pass / self.likelihood(state)

    def posterior(self, odds: Odds, state: State) -> float:
        """Chance of `state` given all runs."""
        mine = odds.of(state) * self.likelihood(state)
        return mine / sum(odds.of(each) * self.likelihood(each) for each in State)

    def candidate(self, odds: Odds) -> float:
        """pi for the next candidate run."""
        return sum(self.posterior(odds, s) * self.candidate_in(s) for s in State)

    def incumbent(self, odds: Odds) -> float:
        """pi for the next incumbent run."""
        return sum(self.posterior(odds, s) * self.incumbent_in(s) for s in State)
