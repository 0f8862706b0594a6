"""Quarantines tickets whose commit is gone for good, as after a force-push."""

from __future__ import annotations

from pathlib import Path

from meta.disk.cache import Cache
from meta.environments.workshop import template_of
from meta.errors import MetaError
from meta.project import Report
from meta.records.ticket import Admission
from meta.store.tickets import Tickets


def quarantine_lost_tickets(tickets: Tickets, cache: Cache, report: Report) -> list[Admission]:
    """Quarantine admitted tickets whose base commit is no longer in its repository.

    Raises `MetaError` when a repository itself is gone: it may come back, and its tickets stay as they are.
    """
    lost, admitted = [], tickets.admitted()
    for repository in dict.fromkeys(t.repo for t in admitted):
        if not Path(repository).is_dir():
            needed = sum(t.repo == repository for t in admitted)
            raise MetaError(
                f"the repository {repository} is missing; {needed} tickets need it",
                "put it back, or remove its tickets, and start the night again to resume it",
            )
    for ticket in admitted:
        try:
            template_of(ticket, cache)
        except MetaError as error:
            admission = Admission(ticket=ticket.id, status="quarantined", reason=error.message)
            tickets.record_admission(ticket, admission)
            report(f"quarantined: {error.message}")
            lost.append(admission)
    return lost
