"""Waiting for a model's service that does not answer: longer and longer pauses, and an end to them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from meta.errors import ServiceDown

FIRST_PAUSE, MAX_PAUSE = 15.0, 600.0
"""Seconds between looks at a service that does not answer; each pause is twice the one before."""

T = TypeVar("T")


class OutagePatience:
    """How long a night still waits, over all its stages together. `sleep` waits so many seconds."""

    def __init__(self, seconds: float, sleep: Callable[[float], None], tell: Callable[[str], None]) -> None:
        self._left, self._sleep, self._tell = seconds, sleep, tell

    def through(self, work: Callable[[], T]) -> T:
        """Do this, again and again while the service is down. Raises `ServiceDown` when patience is at its end."""
        pause = FIRST_PAUSE
        while True:
            try:
                return work()
            except ServiceDown as down:
                if self._left <= 0:
                    raise
                pause = min(pause, self._left)
                self._tell(f"{down.message}; trying again in {pause:.0f} s")
            self._sleep(pause)
            self._left -= pause
            pause = min(2 * pause, MAX_PAUSE)
