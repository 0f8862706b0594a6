"""One bet on one replay, and why a product of them is evidence.

The factor. For an outcome y in [0, 1] with unknown mean theta, a stake s and a number u > max(0, -s):

    h_s(y; u) = exp(1 - u) * (u + s * y)

The inequality everything rests on. log x <= x - 1, so x <= exp(x - 1); with x = u + s * theta:

    E h_s = exp(1 - u) * (u + s * theta) <= exp(1 - u) * exp(u + s * theta - 1) = exp(s * theta)

for every truth theta and every u: h_s lies under exp(s * theta) and touches it where u = 1 - s * theta (a tangent,
hence the name). A wrong guess therefore costs evidence and never validity.

Why products may be read at any time. Stake +s on candidate runs and -s on incumbent runs so that each arm of ticket i
gets lam * w_i in all; multiplied together, the bound is exp(lam * sum_i w_i * (q_i - p_i)), at most 1 when the
candidate is not better. Each bet being fixed before its run, the product is a test supermartingale, and by Ville's
inequality (J. Ville, Étude critique de la notion de collectif, 1939) it ever reaches 1 / alpha with chance at most
alpha.

Literature: testing by betting, G. Shafer, JRSS A 184 (2021); bets on bounded means with predictable stakes,
I. Waudby-Smith and A. Ramdas, JRSS B 86 (2024); e-processes and stopping, A. Ramdas et al., Statistical Science 38
(2023).
"""

from __future__ import annotations

import math
from functools import lru_cache

BELIEF_FLOOR = 1e-3
"""Beliefs are kept this far from 0 and 1: u > max(0, -s) then holds strictly and no outcome can make a factor zero."""


def find_growth_optimal_u(stake: float, belief: float) -> float:
    """The u that maximises the expected log factor when theta is believed to be `belief`.

    d/du [1 - u + (1 - pi) log u + pi log(u + s)] = 0 is the quadratic u^2 - (1 - s) u - s (1 - pi) = 0; this is its
    larger root, the only one above max(0, -s). Only the mean of a belief matters, since y is 0 or 1.
    """
    pi = min(max(belief, BELIEF_FLOOR), 1.0 - BELIEF_FLOOR)
    return ((1.0 - stake) + math.sqrt((1.0 - stake) ** 2 + 4.0 * stake * (1.0 - pi))) / 2.0


def log_factor_of(outcome: float, stake: float, u: float) -> float:
    """log h_s(y; u), in nats."""
    return 1.0 - u + math.log(u + stake * outcome)


@lru_cache(maxsize=1 << 16)  # planning asks for the same few tickets' beliefs and stakes over and over
def expected_log_factor_of(stake: float, belief: float) -> float:
    """Planned growth of one bet: the expectation of log h_s at its growth-optimal u, under the belief itself."""
    pi = min(max(belief, BELIEF_FLOOR), 1.0 - BELIEF_FLOOR)
    u = find_growth_optimal_u(stake, pi)
    return 1.0 - u + (1.0 - pi) * math.log(u) + pi * math.log(u + stake)


def log_factor_of_missing_run(stake: float) -> float:
    """What a run that was not made counts, in nats: 0 for the candidate (s > 0), -|s| for the incumbent (s < 0).

    The smallest value exp(s * theta) can take over theta in [0, 1]: as if the candidate had failed for certain and the
    incumbent had passed for certain. Under h_s's own bound whatever the truth, so leaving out runs is always safe.
    """
    return min(0.0, stake)
