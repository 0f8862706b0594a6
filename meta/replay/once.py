"""One replay from start to verdict: a fresh workspace, the worker as in production, grading in a second workspace."""

from __future__ import annotations

import tempfile
import time
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from meta.errors import MetaError
from meta.records import MACHINE, Graded, Purpose, Replay, Ticket
from meta.replay.environment import build
from meta.replay.grader import grade
from meta.replay.room import needs_room
from meta.spend.metered import about
from worker_agent.agent import work
from worker_agent.git import GitError
from worker_agent.model import Model
from worker_agent.records import INFRASTRUCTURE, Brief, Environment, Event, Limits, Submission
from worker_agent.sandbox import Sandbox, SandboxUnavailable
from worker_agent.surface import Surface
from worker_agent.workspace import BadBase, Template, make_template, open_workspace


@dataclass(frozen=True)
class Setting:
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
class Finished:
    """A replay and its transcript."""

    replay: Replay
    events: tuple[Event, ...]


def template_of(ticket: Ticket, cache: Path) -> Template:
    """The ticket's base tree. Raises `MetaError` naming the ticket when repository or commit are missing."""
    try:
        return make_template(Path(ticket.repo), ticket.base_commit, cache / "templates")
    except BadBase as error:
        raise MetaError(f"ticket {ticket.id}: {error}", "fetch what is missing, or remove the ticket") from None


def replay(
    ticket: Ticket, surface: Surface, setting: Setting, *, purpose: Purpose, candidate: int | None = None
) -> Finished:
    """Run one version once on one ticket.

    Raises `MetaError` when the ticket's base or environment cannot be had, and `ModelMisconfigured` when the model's
    service will never answer as things are set: both would make every further replay void.
    """
    begun, started_at = time.monotonic(), datetime.now(UTC).isoformat(timespec="milliseconds")
    events: list[Event] = []
    name = uuid.uuid4().hex
    try:
        template = template_of(ticket, setting.cache)
        environment = build(ticket.environment, Path(ticket.repo), ticket.base_commit, setting.cache / "environments")
        submission, graded = _run(ticket, surface, setting, template, environment, events, name, candidate)
    except (OSError, GitError, SandboxUnavailable) as error:  # a full disk, a killed git, no more processes
        trouble = f"{MACHINE} {type(error).__name__}: {error}"[:2000]
        submission = Submission(ended="sandbox_failed", detail=trouble, version=surface.version)
        graded = Graded(verdict="void", reason=trouble)
    return Finished(
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
    setting: Setting,
    template: Template,
    environment: Environment,
    events: list[Event],
    name: str,
    candidate: int | None,
) -> tuple[Submission, Graded]:
    """The worker's run and its grading, in folders that are gone afterwards."""
    setting.scratch.mkdir(parents=True, exist_ok=True)
    with (
        about(name, candidate),
        tempfile.TemporaryDirectory(dir=setting.scratch, prefix="replay-", ignore_cleanup_errors=True) as folder,
    ):
        workspace = open_workspace(template, Path(folder) / "work")
        with needs_room(workspace.root):
            submission = work(
                Brief(title=ticket.title, body=ticket.body),
                surface=surface,
                model=setting.model,
                workspace=workspace,
                sandbox=setting.sandbox,
                environment=environment,
                limits=setting.limits,
                record=events.append,
            )
        graded = _judged(submission) or grade(
            ticket,
            submission.diff,
            template=template,
            environment=environment,
            sandbox=setting.sandbox,
            scratch=Path(folder) / "grading",
        )
    return submission, graded


def _judged(submission: Submission) -> Graded | None:
    """The verdict on a run that handed nothing in; `None` when there is something to grade."""
    if submission.ended == "submitted":
        return None
    verdict = "void" if submission.ended in INFRASTRUCTURE else "failed"
    detail = f": {submission.detail}" if submission.detail else ""
    return Graded(verdict=verdict, reason=f"not submitted, {submission.ended.replace('_', ' ')}{detail}"[:2000])
