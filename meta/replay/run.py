"""Runs one replay: the worker in a fresh workspace, the grader in a second one."""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime

from meta.environments.workshop import Workshop
from meta.errors import hide_cache_paths
from meta.gateway.metered_model import call_purpose
from meta.grading.grader import grade_submission, verdict_without_diff
from meta.records.replay import MACHINE_FAULT, Graded, Purpose, Replay
from meta.records.ticket import Ticket
from meta.workers.own_worker import OwnWorker
from worker_agent.git import GitError
from worker_agent.records import Event, Submission
from worker_agent.sandbox.job import SandboxUnavailable
from worker_agent.surface import Surface


@dataclass(frozen=True)
class ReplayJob:
    """A replay to run; `key` is the caller's and comes back with the result."""

    key: int
    ticket: Ticket
    surface: Surface
    purpose: Purpose
    candidate: int | None = None


@dataclass(frozen=True)
class FinishedReplay:
    """A replay and its transcript."""

    replay: Replay
    events: tuple[Event, ...]


def run_replay(job: ReplayJob, worker: OwnWorker, workshop: Workshop) -> FinishedReplay:
    """Run one version once on one ticket.

    Raises `MetaError` when the ticket's base or environment is unavailable, and `ModelMisconfigured` when the model
    service cannot answer with these settings: either would make every further replay void.
    """
    begun, started_at = time.monotonic(), datetime.now(UTC).isoformat(timespec="milliseconds")
    events: list[Event] = []
    replay_id = uuid.uuid4().hex
    try:
        with workshop.ticket_bench(job.ticket) as bench, call_purpose(replay_id, job.candidate):
            submission = worker.work(job.ticket, job.surface, bench, events.append)
            graded = verdict_without_diff(submission) or grade_submission(job.ticket, submission.diff, bench)
    except (OSError, GitError, SandboxUnavailable) as error:  # a full disk, a killed git, no more processes
        trouble = f"{MACHINE_FAULT} {type(error).__name__}: {hide_cache_paths(str(error))}"[:2000]
        submission = Submission(ended="sandbox_failed", detail=trouble, version=job.surface.version)
        graded = Graded(verdict="void", reason=trouble)
    return FinishedReplay(
        Replay(
            id=replay_id,
            ticket=job.ticket.id,
            version=job.surface.version,
            purpose=job.purpose,
            verdict=graded.verdict,
            reason=graded.reason,
            ended=submission.ended,
            diff=submission.diff,
            summary=submission.summary,
            model=submission.model,
            usage=submission.usage,
            seconds=time.monotonic() - begun,
            grading_seconds=graded.seconds,
            started_at=started_at,
            candidate=job.candidate,
            tests_passed=None if graded.verdict == "void" else graded.tests == "passed",
        ),
        tuple(events),
    )
