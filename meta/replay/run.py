"""Runs one replay: the worker in a fresh workspace, the grader in a second one.

Whatever happens in it, a replay has a verdict. It is void if this machine or the model's service failed for a reason
that nothing inside the replay can bring about, and failed for every other error.
"""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime

from meta.environments.fault import describe_error, find_machine_fault
from meta.environments.workshop import Bench, Workshop
from meta.errors import MetaError
from meta.gateway.metered_model import call_purpose
from meta.grading.grader import grade_submission, verdict_without_diff
from meta.records.replay import MACHINE_FAULT, Graded, Purpose, Replay, Verdict
from meta.records.ticket import Ticket
from meta.workers.own_worker import OwnWorker
from worker_agent.machine_error import MachineError
from worker_agent.model import PLAIN_QUESTION, Model, ModelMisconfigured, ModelUnavailable
from worker_agent.records import Event, RunEnding, Submission
from worker_agent.sandbox.job import SandboxUnavailable
from worker_agent.storable import storable_json
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

    Raises only what every further replay would meet too: `MetaError` when the ticket's base or environment is
    unavailable or the budget is spent, and `ModelMisconfigured` when the service cannot answer with these settings.
    """
    begun, started_at = time.monotonic(), datetime.now(UTC).isoformat(timespec="milliseconds")
    events: list[Event] = []
    replay_id = uuid.uuid4().hex
    try:
        with workshop.ticket_bench(job.ticket) as bench, call_purpose(replay_id, job.candidate):
            submission = _work(job, worker, bench, events)
            graded = _judge(job, submission, bench)
    except (MetaError, ModelMisconfigured):
        raise
    except Exception as error:  # nothing of the replay has run yet, or the machine is known to be at fault
        return end_replay(job, "void", f"{MACHINE_FAULT} {describe_error(error)}", tuple(events), replay_id)
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
            alarms=graded.alarms,
            objections=graded.objections,
        ),
        tuple(events),
    )


def end_replay(
    job: ReplayJob, verdict: Verdict, reason: str, events: tuple[Event, ...] = (), replay_id: str = ""
) -> FinishedReplay:
    """Return a replay that came to no submission."""
    replay = Replay(
        id=replay_id or uuid.uuid4().hex,
        ticket=job.ticket.id,
        version=job.surface.version,
        purpose=job.purpose,
        verdict=verdict,
        reason=reason,
        ended="sandbox_failed" if verdict == "void" else "bad_surface",
        started_at=datetime.now(UTC).isoformat(timespec="milliseconds"),
        candidate=job.candidate,
    )
    return FinishedReplay(replay, events)


def _work(job: ReplayJob, worker: OwnWorker, bench: Bench, events: list[Event]) -> Submission:
    """Let the worker work, and turn every error that it can cause into a submission.

    Raises `MachineError` for the others.
    """
    try:
        return worker.work(job.ticket, job.surface, bench, lambda event: events.append(storable_json(event)))
    except MetaError:
        raise
    except ModelMisconfigured as error:
        if job.candidate is None:
            raise
        return _reject_settings(job, worker.model, error)
    except Exception as error:
        if fault := find_machine_fault(error, bench):
            raise MachineError(fault) from None
        return _end(job, "runtime_error", f"what it did raised {describe_error(error)}")


def _reject_settings(job: ReplayJob, model: Model, error: ModelMisconfigured) -> Submission:
    """Return the submission of a candidate that names a model which the service does not have.

    Raises `error` if the model that the settings name is not answered either.
    """
    try:
        model.ask(PLAIN_QUESTION)
    except ModelMisconfigured:
        raise error from None
    except ModelUnavailable as outage:
        return _end(job, "model_unavailable", str(outage))
    return _end(job, "request_rejected", str(error))


def _judge(job: ReplayJob, submission: Submission, bench: Bench) -> Graded:
    if submission.ended == "sandbox_failed":
        if fault := find_machine_fault(SandboxUnavailable(submission.detail), bench):
            raise MachineError(fault)
        return Graded(verdict="failed", reason=f"not submitted, the sandbox did not start for it: {submission.detail}")
    return verdict_without_diff(submission) or grade_submission(job.ticket, submission.diff, bench)


def _end(job: ReplayJob, ended: RunEnding, detail: str) -> Submission:
    return Submission(ended=ended, detail=detail, version=job.surface.version)
