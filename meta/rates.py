"""Success rates as a person should see them: with how sure they are."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from meta.interval import wilson_interval_of
from meta.records.replay import Replay


@dataclass(frozen=True)
class Rate:
    """A share between 0 and 1 with its 95 % interval; `n` is the number of tickets that it rests on."""

    value: float
    low: float
    high: float
    n: int

    def __str__(self) -> str:
        if not self.n:
            return "unknown"
        return f"{self.value:.0%} ({self.low:.0%} to {self.high:.0%})"


def group_by_ticket(replays: Sequence[Replay], *, tests_only: bool = False) -> dict[str, list[bool]]:
    """Outcomes of each ticket; void replays count nowhere. `tests_only`: what the tests alone say."""
    outcomes: dict[str, list[bool]] = defaultdict(list)
    for replay in replays:
        if replay.verdict != "void":
            outcomes[replay.ticket].append(replay.passed_tests if tests_only else replay.passed)
    return dict(outcomes)


def one_shot_success_of(outcomes: Mapping[str, Sequence[bool]]) -> Rate:
    """One-shot success: tickets with equal weight, whatever the number of replays of each.

    The interval takes every ticket as one observation. Replays of one ticket are alike, so counting them all as
    independent would claim too much; counting tickets claims a little too little when there are several of each.
    """
    shares = [sum(runs) / len(runs) for runs in outcomes.values() if runs]
    n = len(shares)
    value = sum(shares) / n if n else 0.0
    return Rate(value, *wilson_interval_of(value, n), n)


def pass_hat_k_of(outcomes: Mapping[str, Sequence[bool]], k: int) -> float | None:
    """pass^k: the chance that k replays of a ticket all pass; C(c, k) / C(n, k) averaged over tickets with n >= k
    (S. Yao et al., tau-bench, 2024). `None` when no ticket has k replays."""
    found = [math.comb(sum(runs), k) / math.comb(len(runs), k) for runs in outcomes.values() if len(runs) >= k]
    return sum(found) / len(found) if found else None


def describe_cost(replays: Sequence[Replay]) -> str:
    """Money, tokens and model calls in words; money is unknown as soon as one part of it is."""
    spent = [r.usage.usd for r in replays if r.usage.calls]
    money = sum(s or 0 for s in spent) if spent and None not in spent else None
    return format_cost(money, sum(r.usage.tokens for r in replays), sum(r.usage.calls for r in replays))


def format_cost(usd: float | None, tokens: int, calls: int) -> str:
    """The same from sums; `usd` is `None` where it is unknown."""
    money = f"${usd:.2f}" if usd is not None else "cost unknown (no price set)"
    return f"{money}, {tokens:,} tokens, {calls:,} model calls"
