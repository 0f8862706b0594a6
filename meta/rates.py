"""Success rates with their uncertainty, and costs, as a person reads them."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from meta.interval import wilson_interval_of
from meta.records.replay import Replay


@dataclass(frozen=True)
class Rate:
    """A share between 0 and 1, with its 95 % interval and number of tickets."""

    value: float
    low: float
    high: float
    n: int

    def __str__(self) -> str:
        if not self.n:
            return "unknown"
        return f"{self.value:.0%} ({self.low:.0%} to {self.high:.0%})"


def group_by_ticket(replays: Sequence[Replay], *, tests_only: bool = False) -> dict[str, list[bool]]:
    """Return the outcomes of each ticket, without void replays.

    `tests_only` leaves acceptance checks out.
    """
    outcomes: dict[str, list[bool]] = defaultdict(list)
    for replay in replays:
        if replay.verdict != "void":
            outcomes[replay.ticket].append(replay.passed_tests if tests_only else replay.passed)
    return dict(outcomes)


def one_shot_success_of(outcomes: Mapping[str, Sequence[bool]]) -> Rate:
    """Return one-shot success: the mean over tickets, however often each was run.

    The interval counts every ticket as one observation. Replays of one ticket are alike, so counting them as
    independent would claim too much; counting tickets claims slightly too little if some have several replays.
    """
    shares = [sum(runs) / len(runs) for runs in outcomes.values() if runs]
    n = len(shares)
    value = sum(shares) / n if n else 0.0
    return Rate(value, *wilson_interval_of(value, n), n)


def pass_hat_k_of(outcomes: Mapping[str, Sequence[bool]], k: int) -> float | None:
    """Return pass^k, the chance that k replays of a ticket all pass.

    C(c, k) / C(n, k), averaged over tickets with n >= k (S. Yao et al., tau-bench, 2024). `None` if no ticket has k
    replays.
    """
    chances = [math.comb(sum(runs), k) / math.comb(len(runs), k) for runs in outcomes.values() if len(runs) >= k]
    return sum(chances) / len(chances) if chances else None


def describe_cost(replays: Sequence[Replay]) -> str:
    """Describe money, tokens and model calls.

    The money is unknown if any part of it is.
    """
    spent = [r.usage.usd for r in replays if r.usage.calls]
    money = sum(s or 0 for s in spent) if spent and None not in spent else None
    return format_cost(money, sum(r.usage.tokens for r in replays), sum(r.usage.calls for r in replays))


def format_cost(usd: float | None, tokens: int, calls: int) -> str:
    """Describe these sums; `usd` is `None` if it is unknown."""
    money = f"${usd:.2f}" if usd is not None else "cost unknown (no price set)"
    return f"{money}, {tokens:,} tokens, {calls:,} model calls"
