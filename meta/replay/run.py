"""One replay from start to verdict: a fresh workspace, the worker as in production, grading in a second workspace."""

from __future__ import annotations

import tempfile
import time
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from meta.disk.free_space import guard_free_space
from meta.environments.environment import build_environment
from meta.environments.workshop import template_of
from meta.gateway.metered_model import call_purpose
from meta.grading.grader import grade_submission, verdict_without_diff
from meta.records.replay import MACHINE_FAULT, Graded, Purpose, Replay
from meta.records.ticket import Ticket
from worker_agent.agent import run_agent
from worker_agent.git import GitError
from worker_agent.model import Model
from worker_agent.records import Brief, Environment, Event, Limits, Submission
from worker_agent.sandbox.job import Sandbox, SandboxUnavailable
from worker_agent.surface import Surface
from worker_agent.workspace import Template, open_workspace


@dataclass(frozen=True)
class ReplaySetting:
    """What all replays of a process share."""

    model: Model
    sandbox: Sandbox
    limits: Limits
    cache: Path

    @property
    def scratch(self) -> Path:
        """Where workspaces live while they are used. Emptied at the next start if a kill left some."""
        return self.cache / "scratch"


@dataclass(frozen=True)
class FinishedReplay:
    """A replay and its transcript."""

    replay: Replay
    events: tuple[Event, ...]


def run_replay(
    ticket: Ticket, surface: Surface, setting: ReplaySetting, *, purpose: Purpose, candidate: int | None = None
) -> FinishedReplay:
    """Run one version once on one ticket.

    Raises `MetaError` when the ticket's base or environment cannot be had, and `ModelMisconfigured` when the model's
    service will never answer as things are set: both would make every further replay void.
    """
    begun, started_at = time.monotonic(), datetime.now(UTC).isoformat(timespec="milliseconds")
    events: list[Event] = []
    name = uuid.uuid4().hex
    try:
        template = template_of(ticket, setting.cache)
        environment = build_environment(
            ticket.environment, Path(ticket.repo), ticket.base_commit, setting.cache / "environments"
        )
        submission, graded = _run(ticket, surface, setting, template, environment, events, name, candidate)
    except (OSError, GitError, SandboxUnavailable) as error:  # a full disk, a killed git, no more processes
        trouble = f"{MACHINE_FAULT} {type(error).__name__}: {error}"[:2000]
        submission = Submission(ended="sandbox_failed", detail=trouble, version=surface.version)
        graded = Graded(verdict="void", reason=trouble)
    return FinishedReplay(
        Replay(
            id=name,
            ticket=ticket.id,
            version=surface.version,
            purpose=purpose,
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
            candidate=candidate,
            tests_passed=None if graded.verdict == "void" else graded.tests == "passed",
        ),
        tuple(events),
    )


def _run(
    ticket: Ticket,
    surface: Surface,
    setting: ReplaySetting,
    template: Template,
    environment: Environment,
    events: list[Event],
    name: str,
    candidate: int | None,
) -> tuple[Submission, Graded]:
    """The worker's run and its grading, in folders that are gone afterwards."""
    setting.scratch.mkdir(parents=True, exist_ok=True)
    with (
        call_purpose(name, candidate),
        tempfile.TemporaryDirectory(dir=setting.scratch, prefix="replay-", ignore_cleanup_errors=True) as folder,
    ):
        workspace = open_workspace(template, Path(folder) / "work")
        with guard_free_space(workspace.root):
            submission = run_agent(
                Brief(title=ticket.title, body=ticket.body),
                surface=surface,
                model=setting.model,
                workspace=workspace,
                sandbox=setting.sandbox,
                environment=environment,
                limits=setting.limits,
                record=events.append,
            )
        graded = verdict_without_diff(submission) or grade_submission(
            ticket,
            submission.diff,
            template=template,
            environment=environment,
            sandbox=setting.sandbox,
            scratch=Path(folder) / "grading",
        )
    return submission, graded
