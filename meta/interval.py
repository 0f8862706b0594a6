"""The confidence interval of every success rate that a person reads.

Standard library only, because `meta status` must start fast.
"""

from __future__ import annotations

import math

Z_95 = 1.959963984540054
"""Two-sided 95 %."""


def wilson_interval_of(share: float, n: int) -> tuple[float, float]:
    """Return the 95 % score interval of a share of n (E. B. Wilson, JASA 22, 1927).

    It is never empty and never leaves 0 to 1.
    """
    if n == 0:
        return 0.0, 1.0
    middle = (share + Z_95 * Z_95 / (2 * n)) / (1 + Z_95 * Z_95 / n)
    half = Z_95 / (1 + Z_95 * Z_95 / n) * math.sqrt(share * (1 - share) / n + Z_95 * Z_95 / (4 * n * n))
    return max(0.0, middle - half), min(1.0, middle + half)
