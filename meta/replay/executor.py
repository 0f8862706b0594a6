"""Runs many replays at a time on this machine.

The work itself is done by sandboxed processes; the threads that start them mostly wait.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import Protocol

from meta.environments.workshop import Workshop
from meta.errors import BudgetSpent
from meta.replay.run import FinishedReplay, ReplayJob, run_replay
from meta.workers.own_worker import OwnWorker
from worker_agent.sandbox.process import kill_all_jobs


class Executor(Protocol):
    """Makes replays, several at a time, and writes nothing down."""

    parallel: int

    def run(self, jobs: Iterable[ReplayJob]) -> Iterator[tuple[ReplayJob, FinishedReplay]]:
        """Yield `(job, finished)`, each as it finishes."""
        ...


class LocalExecutor:
    """Makes replays on this machine, `parallel` at a time."""

    def __init__(self, worker: OwnWorker, workshop: Workshop, parallel: int) -> None:
        self._worker, self._workshop, self.parallel = worker, workshop, parallel

    def run(self, jobs: Iterable[ReplayJob]) -> Iterator[tuple[ReplayJob, FinishedReplay]]:
        """Yield `(job, finished)` in the order in which they finish.

        If the caller stops early, by an exception or Ctrl-C, replays in flight are killed and not yielded. If the
        budget stops one, the others in flight run to their end, then `BudgetSpent` is raised.
        """
        waiting, running = iter(jobs), dict[Future[FinishedReplay], ReplayJob]()
        spent: BudgetSpent | None = None
        pool = ThreadPoolExecutor(self.parallel, thread_name_prefix="replay")
        try:
            while True:
                while not spent and len(running) < self.parallel and (job := next(waiting, None)):
                    running[pool.submit(self._run_one, job)] = job
                if not running:
                    if spent:
                        raise spent
                    return
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    job = running.pop(future)
                    try:
                        finished = future.result()
                    except BudgetSpent as stop:  # the others are already paid for, so let them finish
                        spent = stop
                        continue
                    yield job, finished
        finally:
            if running:
                kill_all_jobs()
            pool.shutdown(wait=False, cancel_futures=True)

    def _run_one(self, job: ReplayJob) -> FinishedReplay:
        return run_replay(job, self._worker, self._workshop)
