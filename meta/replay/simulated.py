"""Draws verdicts instead of running a worker; the rest, store to gate, is real.

It serves the A/A self-test, benches and tests, where a thousand replays have to take seconds.
"""

from __future__ import annotations

import random
import uuid
from collections.abc import Callable, Iterable, Iterator

from meta.records.replay import Replay
from meta.replay.run import FinishedReplay, ReplayJob
from worker_agent.records import Usage

SimulatedWorld = Callable[[str, str], float]
"""Maps version and ticket id to the true chance that a replay passes."""


class SimulatedExecutor:
    """Draws each verdict from the world, void with chance `void`.

    The same seed draws the same.
    """

    def __init__(self, world: SimulatedWorld, seed: int, parallel: int = 4, void: float = 0.0) -> None:
        self.world, self.parallel, self._void = world, parallel, void
        self._random = random.Random(seed)
        self.made = 0

    def run(self, jobs: Iterable[ReplayJob]) -> Iterator[tuple[ReplayJob, FinishedReplay]]:
        """Yield `(job, finished)`, one drawn for each job."""
        for job in jobs:
            self.made += 1
            verdict = "void"
            if self._random.random() >= self._void:
                lucky = self._random.random() < self.world(job.surface.version, job.ticket.id)
                verdict = "passed" if lucky else "failed"
            replay = Replay.model_validate(
                {
                    "id": uuid.UUID(int=self._random.getrandbits(128)).hex,
                    "ticket": job.ticket.id,
                    "version": job.surface.version,
                    "purpose": job.purpose,
                    "verdict": verdict,
                    "reason": "simulated",
                    "ended": "submitted",
                    "model": "simulated",
                    "usage": Usage(calls=1, input_tokens=1000, output_tokens=100, usd=0.01),
                    "candidate": job.candidate,
                }
            )
            yield job, FinishedReplay(replay, ())
