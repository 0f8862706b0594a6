"""Runs our coding agent on a ticket, the same way in a replay and in production."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from meta.environments.workshop import Bench
from meta.gateway.metered_model import name_conversation
from meta.records.ticket import Ticket
from worker_agent.agent import run_agent
from worker_agent.model import Model
from worker_agent.records import Brief, Event, Limits, Submission
from worker_agent.surface import Surface


def _ignore_event(event: Event) -> None:
    """Keep no transcript."""


@dataclass(frozen=True)
class OwnWorker:
    """The agent in `worker_agent`; a surface may only tighten its limits."""

    model: Model
    limits: Limits

    def work(
        self, ticket: Ticket, surface: Surface, bench: Bench, record: Callable[[Event], None] = _ignore_event
    ) -> Submission:
        """Work on a ticket in a workspace of its bench, and return the submission.

        `record` receives the transcript, event by event. Raises `ModelMisconfigured` when no run can succeed with these
        settings, and `OSError` when the disk is full, because the submission may then lack some of its edits.
        """
        conversation = f"the worker's conversation on ticket {ticket.id} ({ticket.title[:60]})"
        with name_conversation(conversation), bench.workspace("work-") as workspace:
            return run_agent(
                Brief(title=ticket.title, body=ticket.body),
                surface=surface,
                model=self.model,
                workspace=workspace,
                sandbox=bench.sandbox,
                environment=bench.environment,
                limits=self.limits,
                record=record,
            )
