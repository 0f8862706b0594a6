"""DOCSTRING meta.workers.own_worker."""

from __future__ import annotations

import tempfile
from pathlib import Path

from meta.app import Context
from meta.environments.environment import build_environment
from meta.errors import MetaError
from meta.gateway.models import explain_service_errors
from meta.records.ticket import Ticket
from worker_agent.agent import run_agent
from worker_agent.records import Brief, Event, Submission
from worker_agent.workspace import BadBase, make_template, open_workspace


def run_worker(context: Context, ticket: Ticket) -> Submission:
    """What the agent in use submits for a ticket. Raises `MetaError` when it does not."""
    repository, brief = Path(ticket.repo), Brief(title=ticket.title, body=ticket.body)
    version = context.versions.head()
    events: list[Event] = []
    try:
        template = make_template(repository, ticket.base_commit, context.settings.cache / "templates")
        environment = build_environment(
            ticket.environment, repository, ticket.base_commit, context.settings.cache / "environments"
        )
        scratch = context.app.project.cache.scratch()
        with (
            explain_service_errors("nothing was changed"),
            tempfile.TemporaryDirectory(dir=scratch, prefix="work-", ignore_cleanup_errors=True) as folder,
        ):
            done = run_agent(
                brief,
                surface=version.surface,
                model=context.worker_model,
                workspace=open_workspace(template, Path(folder) / "work"),
                sandbox=context.sandbox,
                environment=environment,
                limits=context.settings.replay.limits,
                record=events.append,
            )
    except BadBase as error:
        raise MetaError(str(error), "name another with --repo or --base", code=2) from None
    context.tell(f"{done.usage.calls} model calls, {done.usage.tokens:,} tokens, {done.seconds:.0f} s")
    if done.ended != "submitted":
        raise MetaError(
            f"the worker did not submit ({done.ended.replace('_', ' ')}): {done.detail or 'no detail'}",
            "nothing was changed in the repository",
        )
    return done
