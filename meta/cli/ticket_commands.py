"""`meta tickets`: where each ticket stands, and a person's word on it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from meta.cli.command_group import make_group
from meta.cli.options import (
    AGAIN_OPTION,
    HERE,
    JSON_OPTION,
    REASON_OPTION,
    TICKETS_ARGUMENT,
)
from meta.cli.output import print_json, print_result, report
from meta.cli.ticket_source_commands import (
    add_tickets_command,
    check_new_tickets,
    from_feedback_command,
    mine_command,
)
from meta.errors import ExitCode, MetaError

if TYPE_CHECKING:
    from meta.app import App
    from meta.store.tickets import TicketStanding


def list_tickets_command(as_json: JSON_OPTION = False) -> None:
    """List all tickets and where each stands.

    A ticket is new, admitted, or quarantined for a reason.
    """
    from meta.app import open_readonly
    from meta.look.ticket_page import ticket_table

    with open_readonly(HERE) as app:
        standings = app.store.tickets.standings()
    if as_json:
        print_json([standing_document(standing) for standing in standings])
    elif not standings:
        print_result("no tickets yet; run `meta tickets mine PATH` or `meta tickets add FILE`")
    else:
        print_result(ticket_table(standings))


def show_ticket_command(
    ticket: Annotated[str, typer.Argument(metavar="TICKET", help="Id of the ticket.")], as_json: JSON_OPTION = False
) -> None:
    """Show one ticket: its brief and what decides it."""
    from meta.app import open_readonly
    from meta.look.ticket_page import ticket_page

    with open_readonly(HERE) as app:
        found, standing = app.store.tickets.find(ticket), app.store.tickets.standing(ticket)
    if not found or not standing:
        raise MetaError(f"ticket {ticket!r} does not exist", "see `meta tickets list`", ExitCode.USAGE)
    if as_json:
        print_json({**found.model_dump(mode="json"), **standing_document(standing)})
    else:
        print_result(ticket_page(found, standing))


def check_tickets_command(
    runs: Annotated[int, typer.Option(min=1, metavar="NUMBER", help="Runs of the merged change and of the base.")] = 3,
    again: AGAIN_OPTION = False,
    as_json: JSON_OPTION = False,
) -> None:
    """Admit or quarantine new tickets.

    The merged change must pass, and the base and rejected changes must fail.
    """
    from meta.app import open_writable

    with open_writable(HERE, "tickets check", report) as app:
        if again:
            app.store.tickets.reset()
        found = check_new_tickets(app, runs, quiet=as_json)
    if as_json:
        print_json([admission.model_dump() for admission in found])


def remove_tickets_command(tickets: TICKETS_ARGUMENT, reason: REASON_OPTION = "") -> None:
    """Remove tickets; their replays stay readable.

    Neither mining nor feedback makes a removed ticket again. `meta tickets restore` brings it back, and so does adding
    it from a file. A test of the gate that has begun with it still ends with it.
    """
    from meta.app import open_writable

    with open_writable(HERE, "tickets remove", report) as app:
        _require_known(app, tickets)
        app.store.tickets.remove(tickets, reason)
    print_result(f"removed {', '.join(tickets)}")


def quarantine_tickets_command(tickets: TICKETS_ARGUMENT, reason: REASON_OPTION) -> None:
    """Quarantine tickets, so that no replay uses them.

    `meta tickets check --again` leaves them quarantined, and `meta tickets restore` brings them back. A test of the
    gate that has begun with one still ends with it.
    """
    from meta.app import open_writable

    if not reason.strip():
        raise MetaError("a quarantine needs a reason", "give --reason TEXT", ExitCode.USAGE)
    with open_writable(HERE, "tickets quarantine", report) as app:
        _require_known(app, tickets)
        app.store.tickets.quarantine_by_hand(tickets, reason)
    print_result(f"quarantined {', '.join(tickets)}")


def restore_tickets_command(
    tickets: TICKETS_ARGUMENT, check: Annotated[bool, typer.Option(help="Check them at once.")] = True
) -> None:
    """Bring back tickets that were removed or quarantined.

    They are new again, so they are admitted only if they pass their checks.
    """
    from meta.app import open_writable

    with open_writable(HERE, "tickets restore", report) as app:
        for standing in _require_known(app, tickets):
            if standing.status != "quarantined":
                raise MetaError(
                    f"ticket {standing.id!r} is {standing.status}, so there is nothing to restore",
                    "see `meta tickets list`",
                    ExitCode.NOTHING_TO_DO,
                )
        app.store.tickets.restore(tickets)
        print_result(f"restored {', '.join(tickets)}")
        if check:
            check_new_tickets(app)


def _require_known(app: App, tickets: list[str]) -> list[TicketStanding]:
    """Return where each ticket stands. Raises `MetaError` for an unknown one."""
    found = []
    for ticket in tickets:
        if (standing := app.store.tickets.standing(ticket)) is None:
            raise MetaError(f"ticket {ticket!r} does not exist", "see `meta tickets list`", ExitCode.USAGE)
        found.append(standing)
    return found


def standing_document(standing: TicketStanding) -> dict[str, Any]:
    """Where a ticket stands, as `--json` says it: with numbers for yes and no."""
    return {**standing.model_dump(), "held_out": int(standing.held_out)}


def tickets_command(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        list_tickets_command()


group = make_group("Collect, check and manage tickets for replays.\n\nWithout a command, it lists them.")
group.callback(invoke_without_command=True)(tickets_command)
group.command("list")(list_tickets_command)
group.command("show")(show_ticket_command)
group.command("add")(add_tickets_command)
group.command("mine")(mine_command)
group.command("from-feedback")(from_feedback_command)
group.command("check")(check_tickets_command)
group.command("quarantine")(quarantine_tickets_command)
group.command("remove")(remove_tickets_command)
group.command("restore")(restore_tickets_command)
