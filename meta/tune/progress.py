"""How far a night has come: replays, what they have cost, and when it will be over at the latest."""

from __future__ import annotations

import time

from meta.app import Context
from meta.rates import format_cost

PROGRESS_SECONDS = 5.0
"""Progress is told no more often than this."""


class TuningProgress:
    """Tells a line about the night now and then. Counts replays of this start for the speed, all for the cost."""

    def __init__(self, context: Context, budget: int) -> None:
        self._context, self._budget = context, budget
        self._begun = self._told = time.monotonic()
        self._before = self._used()

    def tell(self, doing: str) -> None:
        """Say what is being done, how far the budget has been used, and how long the rest can take."""
        if time.monotonic() - self._told < PROGRESS_SECONDS:
            return
        self._told = time.monotonic()
        used = self._used()
        made = used - self._before
        left = (self._told - self._begun) / made * (self._budget - used) if made else 0.0
        cost = self._context.store.replays.cost_of_night(self._context.night)
        spent = format_cost(cost.usd, cost.tokens, cost.calls)
        until = f", at most {left / 60:.0f} min more" if made else ""
        self._context.tell(f"  {doing}: {used} of {self._budget} replays, {spent}{until}")

    def _used(self) -> int:
        return self._context.store.replays.count_used(self._context.night) if self._context.night else 0
