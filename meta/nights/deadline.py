"""The time at which a night must be over, whatever the clock does meanwhile."""

from __future__ import annotations

import contextlib
import signal
import time
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from meta.errors import BudgetSpent
from meta.replay.executor import Executor
from meta.replay.run import FinishedReplay, ReplayJob

CLOCK_CHECK_SECONDS = 5.0
"""How often the clock is looked at: a clock that is set forward ends a night at most so late."""


class DeadlineReached(BaseException):
    """The time has come. No `Exception`: nobody on the way out may take it for a failure of their own and go on."""


class Deadline:
    """A moment of the day, as clock time and as time that has gone by: whichever says first that it is over, is right.

    So neither a clock that is set back nor a night of 23 hours makes a night longer than it was meant to be.
    """

    def __init__(self, until: str = "", now: datetime | None = None) -> None:
        """`until` is local time, "06:00": the next one to come. Empty: no deadline."""
        self.at: datetime | None = None
        self.words = f"it is {until}" if until else ""
        if until:
            begun = now or datetime.now().astimezone()
            hour, minute = map(int, until.split(":"))
            self.at = begun.replace(hour=hour, minute=minute, second=0, microsecond=0)
            if self.at <= begun:
                self.at += timedelta(days=1)
            self._end = time.monotonic() + (self.at - begun).total_seconds()

    @property
    def left(self) -> float:
        """Seconds until it is over; infinite without a deadline, never below zero."""
        if self.at is None:
            return float("inf")
        by_clock = (self.at - datetime.now().astimezone()).total_seconds()
        return max(0.0, min(by_clock, self._end - time.monotonic()))

    def sleep(self, seconds: float) -> None:
        """Wait, but not beyond the deadline. Raises `BudgetSpent` there."""
        time.sleep(min(seconds, self.left))
        if self.left <= 0:
            raise BudgetSpent(self.words)

    @contextlib.contextmanager
    def enforced(self) -> Iterator[None]:
        """End what is inside when the time comes, wherever the main thread then is; raises `BudgetSpent` outside."""
        if self.at is None:
            yield
            return

        def look(number: int, frame: object) -> None:
            if self.left <= 0:
                signal.setitimer(signal.ITIMER_REAL, 0)
                raise DeadlineReached
            signal.setitimer(signal.ITIMER_REAL, min(CLOCK_CHECK_SECONDS, self.left + 0.01))

        before = signal.signal(signal.SIGALRM, look)
        signal.setitimer(signal.ITIMER_REAL, min(CLOCK_CHECK_SECONDS, self.left + 0.01))
        try:
            yield
        except DeadlineReached:
            raise BudgetSpent(self.words) from None
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)


class DeadlineExecutor:
    """An executor that begins no replay which would not end before the deadline, judged by those that have ended."""

    def __init__(self, inner: Executor, deadline: Deadline) -> None:
        self.inner, self.deadline, self.parallel = inner, deadline, inner.parallel
        self._seconds = self._made = 0.0

    def run(self, jobs: Iterable[ReplayJob]) -> Iterator[tuple[ReplayJob, FinishedReplay]]:
        withheld = False

        def begun() -> Iterator[ReplayJob]:
            nonlocal withheld
            for job in jobs:
                if self.deadline.left <= (self._seconds / self._made if self._made else 0.0):
                    withheld = True
                    return
                yield job

        for job, finished in self.inner.run(begun()):
            self._seconds, self._made = self._seconds + finished.replay.seconds, self._made + 1
            yield job, finished
        if withheld:
            raise BudgetSpent(f"{self.deadline.words}, or so nearly that no further replay would end in time")
