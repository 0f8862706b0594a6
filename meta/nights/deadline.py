"""The time at which a night must be over, whatever the clock does until then."""

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
"""How often to look at the clock: a clock that is set forward ends a night this late at most."""


class DeadlineReached(BaseException):
    """The time has come.

    Not an `Exception`, so that no code on the way out takes it for a failure and goes on.
    """


class Deadline:
    """A moment, known both by the clock and by how far away it was.

    Whichever says first that it has come is right. So neither a clock that is set back nor a change to winter time
    makes a night longer than it was meant to be.
    """

    def __init__(self, at: datetime | None = None) -> None:
        """`at` knows its time zone; `None` is no deadline."""
        self.at = at
        self._end = time.monotonic() + _seconds_until(at) if at else float("inf")

    @classmethod
    def next_time(cls, until: str) -> Deadline:
        """Return the next time that it is `until`, local time such as "06:00".

        Where `until` is empty, there is no deadline.
        """
        if not until:
            return cls()
        now = datetime.now().astimezone()
        hour, minute = map(int, until.split(":"))
        at = now.replace(hour=hour, minute=minute, second=0, microsecond=0)
        return cls(at if at > now else at + timedelta(days=1))

    @property
    def words(self) -> str:
        """Why the night is over once the deadline has come."""
        return f"it is {self.at:%H:%M}" if self.at else ""

    @property
    def left(self) -> float:
        """Seconds until the deadline, at least 0; infinite where there is none."""
        if self.at is None:
            return float("inf")
        return max(0.0, min(_seconds_until(self.at), self._end - time.monotonic()))

    def sleep(self, seconds: float) -> None:
        """Sleep, but not past the deadline. Raises `BudgetSpent` there."""
        time.sleep(min(seconds, self.left))
        if self.left <= 0:
            raise BudgetSpent(self.words)

    @contextlib.contextmanager
    def enforce(self) -> Iterator[None]:
        """End what runs inside when the time comes, wherever the main thread is then.

        Raises `BudgetSpent`.
        """
        if self.at is None:
            yield
            return

        def check_clock(number: int, frame: object) -> None:
            if self.left <= 0:
                signal.setitimer(signal.ITIMER_REAL, 0)
                raise DeadlineReached
            signal.setitimer(signal.ITIMER_REAL, min(CLOCK_CHECK_SECONDS, self.left + 0.01))

        before = signal.signal(signal.SIGALRM, check_clock)
        signal.setitimer(signal.ITIMER_REAL, min(CLOCK_CHECK_SECONDS, self.left + 0.01))
        try:
            yield
        except DeadlineReached:
            raise BudgetSpent(self.words) from None
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)


def _seconds_until(at: datetime) -> float:
    return (at - datetime.now().astimezone()).total_seconds()


class DeadlineExecutor:
    """An executor that starts no replay which would end after the deadline.

    How long a replay takes is judged by those that have ended.
    """

    def __init__(self, inner: Executor, deadline: Deadline) -> None:
        self.inner, self.deadline, self.parallel = inner, deadline, inner.parallel
        self._seconds = self._made = 0.0

    def run(self, jobs: Iterable[ReplayJob]) -> Iterator[tuple[ReplayJob, FinishedReplay]]:
        """Run the jobs. Raises `BudgetSpent` at the end where some were left out."""
        some_left_out = False

        def in_time() -> Iterator[ReplayJob]:
            nonlocal some_left_out
            for job in jobs:
                if self.deadline.left <= (self._seconds / self._made if self._made else 0.0):
                    some_left_out = True
                    return
                yield job

        for job, finished in self.inner.run(in_time()):
            self._seconds, self._made = self._seconds + finished.replay.seconds, self._made + 1
            yield job, finished
        if some_left_out:
            raise BudgetSpent(f"{self.deadline.words}, or too close to it for another replay")
