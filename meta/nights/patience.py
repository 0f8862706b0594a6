"""Wait for a model service that does not answer, but not for ever."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from meta.errors import ServiceDown
from meta.project import Report

FIRST_PAUSE, MAX_PAUSE = 15.0, 600.0
"""Seconds before the service is asked again; each pause is twice as long as the one before."""

T = TypeVar("T")


class OutagePatience:
    """How long a night waits for the service, over all its stages together.

    `sleep` waits for some seconds.
    """

    def __init__(self, seconds: float, sleep: Callable[[float], None], report: Report) -> None:
        self._left, self._sleep, self._report = seconds, sleep, report

    def retry(self, work: Callable[[], T]) -> T:
        """Do this again and again while the service is down.

        Raises `ServiceDown` when patience runs out.
        """
        pause = FIRST_PAUSE
        while True:
            try:
                return work()
            except ServiceDown as down:
                if self._left <= 0:
                    raise
                pause = min(pause, self._left)
                self._report(f"{down.message}; trying again in {pause:.0f} s")
            self._sleep(pause)
            self._left -= pause
            pause = min(2 * pause, MAX_PAUSE)
