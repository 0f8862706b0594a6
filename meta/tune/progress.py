"""How far a night has come: replays, what they have cost, and when it will be over at the latest."""

from __future__ import annotations

import time

from meta.project import Report
from meta.rates import format_cost
from meta.store.replays import Replays
from meta.tune.budget import ReplayBudget

PROGRESS_SECONDS = 5.0
"""Least time between two lines of progress."""


class TuningProgress:
    """Reports a line about the night now and then. Replays of this start give the speed, all of them the cost."""

    def __init__(self, replays: Replays, budget: ReplayBudget, report: Report) -> None:
        self._replays, self._budget, self._report = replays, budget, report
        self._begun = self._reported = time.monotonic()
        self._before = budget.used

    def update(self, doing: str) -> None:
        """Say what is being done, how far the budget has been used, and how long the rest can take."""
        if time.monotonic() - self._reported < PROGRESS_SECONDS:
            return
        self._reported = time.monotonic()
        used, limit = self._budget.used, self._budget.limit
        made = used - self._before
        left = (self._reported - self._begun) / made * (limit - used) if made else 0.0
        cost = self._replays.cost_of_night(self._budget.night)
        until = f", at most {left / 60:.0f} min more" if made else ""
        self._report(f"  {doing}: {used} of {limit} replays, {format_cost(cost.usd, cost.tokens, cost.calls)}{until}")
