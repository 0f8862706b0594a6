"""One bet on one replay, and why a product of them is evidence.

The factor. For an outcome y in [0, 1] with unknown mean theta, a stake s and a number u > max(0, -s):

    h_s(y; u) = exp(1 - u) * (u + s * y)

The inequality that everything rests on. log x <= x - 1, so x <= exp(x - 1); with x = u + s * theta:

    E h_s = exp(1 - u) * (u + s * theta) <= exp(1 - u) * exp(u + s * theta - 1) = exp(s * theta)

for every true theta and every u: h_s lies below exp(s * theta) and touches it where u = 1 - s * theta. So a wrong guess
costs evidence, never validity.

Why a product may be read at any time. Stake +s on candidate runs and -s on incumbent runs so that each arm of ticket i
gets lam * w_i in total. The product of the bounds is exp(lam * sum_i w_i * (q_i - p_i)), at most 1 if the candidate is
not better. Each bet is fixed before its run, so the product is a test supermartingale, and by Ville's inequality
(J. Ville, Étude critique de la notion de collectif, 1939) the chance that it ever reaches 1 / alpha is at most alpha.

Void replays. The candidate's counts as 0 and the incumbent's as 1. h_s rises with y if s > 0 and falls if s < 0, so
what is told is never worth more than what the replay would have shown, whatever made it void: the bound still holds.

Literature: testing by betting, G. Shafer, JRSS A 184 (2021); bets on bounded means with predictable stakes,
I. Waudby-Smith and A. Ramdas, JRSS B 86 (2024); e-processes and stopping, A. Ramdas et al., Statistical Science 38
(2023).
"""

from __future__ import annotations

import math
from functools import lru_cache

BELIEF_FLOOR = 1e-3
"""Beliefs stay this far from 0 and 1, so that u > max(0, -s) holds strictly and no outcome makes a factor zero."""


def find_growth_optimal_u(stake: float, belief: float) -> float:
    """Return the u that maximises the expected log factor under `belief`.

    d/du [1 - u + (1 - pi) log u + pi log(u + s)] = 0 is the quadratic u^2 - (1 - s) u - s (1 - pi) = 0. Its larger root
    is the only one above max(0, -s). Only the mean of a belief matters, because y is 0 or 1.
    """
    pi = min(max(belief, BELIEF_FLOOR), 1.0 - BELIEF_FLOOR)
    return ((1.0 - stake) + math.sqrt((1.0 - stake) ** 2 + 4.0 * stake * (1.0 - pi))) / 2.0


def log_factor_of(outcome: float, stake: float, u: float) -> float:
    """Return log h_s(y; u), in nats."""
    return 1.0 - u + math.log(u + stake * outcome)


@lru_cache(maxsize=1 << 16)  # planning asks for the same few beliefs and stakes again and again
def expected_log_factor_of(stake: float, belief: float) -> float:
    """Return the expected log h_s of one bet at its growth-optimal u.

    The expectation is taken under the same belief.
    """
    pi = min(max(belief, BELIEF_FLOOR), 1.0 - BELIEF_FLOOR)
    u = find_growth_optimal_u(stake, pi)
    return 1.0 - u + (1.0 - pi) * math.log(u) + pi * math.log(u + stake)


def log_factor_of_missing_run(stake: float) -> float:
    """Return what a skipped run counts, in nats.

    That is 0 for the candidate (s > 0) and -|s| for the incumbent (s < 0): the smallest s * theta over theta in [0, 1],
    as if the candidate were certain to fail and the incumbent to pass. It is below the bound on h_s whatever the truth,
    so skipping runs is always safe.
    """
    return min(0.0, stake)
