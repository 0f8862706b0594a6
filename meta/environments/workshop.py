"""DOCSTRING meta.environments.workshop."""

from __future__ import annotations

from pathlib import Path

from meta.errors import MetaError
from meta.records.ticket import Ticket
from worker_agent.workspace import BadBase, Template, make_template


def template_of(ticket: Ticket, cache: Path) -> Template:
    """The ticket's base tree. Raises `MetaError` naming the ticket when repository or commit are missing."""
    try:
        return make_template(Path(ticket.repo), ticket.base_commit, cache / "templates")
    except BadBase as error:
        raise MetaError(f"ticket {ticket.id}: {error}", "fetch what is missing, or remove the ticket") from None
