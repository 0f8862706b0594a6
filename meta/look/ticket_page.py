"""Tickets: one on a page, all in a table."""

from __future__ import annotations

from collections.abc import Iterable

from meta.grading.acceptance.checks import describe_checks
from meta.languages.junit.junit_run import WEAKER_VERDICT_NOTE
from meta.look.table import format_table
from meta.records.ticket import Ticket
from meta.store.tickets import TicketStanding

MAX_TESTS_SHOWN = 20


def ticket_page(ticket: Ticket, standing: TicketStanding) -> str:
    """Show a ticket's brief, where it starts, and the tests and checks that decide it."""
    grader = ticket.grader
    lines = [
        f"{ticket.id}: {ticket.title}\n\n{ticket.body}\n",
        f"repository    {ticket.repo}",
        f"base          {ticket.base_commit}",
        f"source        {ticket.source}",
        f"themes        {', '.join(ticket.labels) or 'none'}",
        f"status        {standing.status} {standing.reason}".rstrip(),
    ]
    for name, tests in (("FAIL_TO_PASS", grader.fail_to_pass), ("PASS_TO_PASS", grader.pass_to_pass)):
        lines += [f"{name}  {len(tests)}", *(f"  {test}" for test in tests[:MAX_TESTS_SHOWN])]
    if grader.junit:
        lines.append(f"run by        {grader.junit.command}{WEAKER_VERDICT_NOTE}")
    checks = describe_checks(grader)
    return "\n".join([*lines, f"checks        {len(checks)}", *(f"  {line}" for line in checks)])


def ticket_table(standings: Iterable[TicketStanding]) -> str:
    """Show a line for each ticket: its state, its use, and why it is not admitted."""
    cells = []
    for ticket in standings:
        use = "" if ticket.status != "admitted" else "held out" if ticket.held_out else "search"
        why = (ticket.reason.splitlines() or [""])[0][:70]
        cells.append((ticket.id, ticket.status, use, ticket.title[:50], why))
    return format_table(cells, ["ticket", "status", "use", "title", "reason"])
