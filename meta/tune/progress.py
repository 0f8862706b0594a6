"""Reports how far a night has come, its cost, and how long it can still take."""

from __future__ import annotations

import time

from meta.project import Report
from meta.rates import format_cost
from meta.store.replays import Replays
from meta.tune.budget import ReplayBudget

PROGRESS_SECONDS = 5.0
"""The shortest time between two lines of progress."""


class TuningProgress:
    """Reports a line about the night now and then.

    The speed is that of replays since this start; the cost is that of the whole night.
    """

    def __init__(self, replays: Replays, budget: ReplayBudget, report: Report) -> None:
        self._replays, self._budget, self._report = replays, budget, report
        self._begun = self._reported = time.monotonic()
        self._before = budget.used

    def update(self, doing: str) -> None:
        """Report the step, the budget used, and how long the rest can take."""
        if time.monotonic() - self._reported < PROGRESS_SECONDS:
            return
        self._reported = time.monotonic()
        used, limit = self._budget.used, self._budget.limit
        made = used - self._before
        left = (self._reported - self._begun) / made * (limit - used) if made else 0.0
        cost = self._replays.cost_of_night(self._budget.night)
        until = f", at most {left / 60:.0f} min more" if made else ""
        self._report(f"  {doing}: {used} of {limit} replays, {format_cost(cost.usd, cost.tokens, cost.calls)}{until}")
