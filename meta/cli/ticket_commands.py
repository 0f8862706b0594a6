"""`meta tickets`: where tickets come from, and where each stands."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from meta.cli.command_group import make_group
from meta.cli.options import (
    AGAIN_OPTION,
    HERE,
    JSON_LINES_OPTION,
    JSON_OPTION,
    REASON_OPTION,
    TICKETS_ARGUMENT,
    resolve_given,
)
from meta.cli.output import print_json, print_result, report
from meta.errors import ExitCode, MetaError

if TYPE_CHECKING:
    from meta.app import App
    from meta.store.tickets import TicketStanding

group = make_group("Collect, check and manage tickets for replays.\n\nWithout a command, it lists them.")


@group.callback(invoke_without_command=True)
def tickets_command(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        list_tickets_command()


@group.command("list")
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


@group.command("show")
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


@group.command("add")
def add_tickets_command(
    files: Annotated[
        list[Path],
        typer.Argument(metavar="FILE", callback=resolve_given, help="JSONL, TOML or Markdown; see docs/tickets.md."),
    ],
    check: Annotated[bool, typer.Option(help="Check them at once.")] = True,
) -> None:
    """Add tickets from files.

    If one entry is invalid, nothing of its file is taken, and the entry is named.
    """
    from meta.app import open_writable
    from meta.tickets.from_files.ticket_files import load_tickets

    with open_writable(HERE, "tickets add", report) as app:
        loaded = [ticket for file in files for ticket in load_tickets(file)]
        added = sum(app.store.tickets.add(ticket) for ticket in loaded)
        print_result(f"{added} tickets added or changed")
        if check:
            _check(app)


@group.command("check")
def check_tickets_command(
    runs: Annotated[int, typer.Option(min=1, metavar="NUMBER", help="Runs of the merged change and of the base.")] = 3,
    again: AGAIN_OPTION = False,
) -> None:
    """Admit or quarantine new tickets.

    The merged change must pass, and the base and rejected changes must fail.
    """
    from meta.app import open_writable

    with open_writable(HERE, "tickets check", report) as app:
        if again:
            app.store.tickets.reset()
        _check(app, runs)


def _check(app: App, runs: int = 3) -> None:
    from meta.tickets.admission.queue import admit_waiting_tickets

    found = admit_waiting_tickets(app.store.tickets, app.workshop, app.settings.replay, report, runs)
    admitted = sum(a.status == "admitted" for a in found)
    print_result(f"{admitted} admitted, {len(found) - admitted} quarantined")


@group.command("remove")
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


@group.command("quarantine")
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
        app.store.tickets.quarantine(tickets, reason)
    print_result(f"quarantined {', '.join(tickets)}")


@group.command("restore")
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
            _check(app)


def _require_known(app: App, tickets: list[str]) -> list[TicketStanding]:
    """Return where each ticket stands. Raises `MetaError` for an unknown one."""
    found = []
    for ticket in tickets:
        if (standing := app.store.tickets.standing(ticket)) is None:
            raise MetaError(f"ticket {ticket!r} does not exist", "see `meta tickets list`", ExitCode.USAGE)
        found.append(standing)
    return found


@group.command("mine")
def mine_command(
    path: Annotated[
        Path, typer.Argument(metavar="PATH", callback=resolve_given, help="A clone, best with refs/pull/*/head.")
    ],
    since: Annotated[str, typer.Option(metavar="DAY", help="Only changes since this day (YYYY-MM-DD).")] = "",
    branch: Annotated[str, typer.Option(metavar="NAME", help="Only changes merged into this branch.")] = "HEAD",
    limit: Annotated[int, typer.Option(min=1, metavar="NUMBER", help="Stop once this many tickets are admitted.")] = 50,
    as_json: JSON_LINES_OPTION = False,
) -> None:
    """Make tickets from a repository's history.

    It tries merged changes that touch both source and tests and are small enough, the newest first.
    """
    from meta.app import open_writable
    from meta.tickets.mining.changes import MainLine
    from meta.tickets.mining.miner import mine_into_store

    counts = {"admitted": 0, "quarantined": 0}
    with open_writable(HERE, "tickets mine", report) as app:
        tickets, settings = app.store.tickets, app.settings.replay
        line = MainLine(branch, since or None)
        for mined in mine_into_store(tickets, app.workshop, path, settings, report, line=line, limit=limit):
            counts[mined.status] += 1
            if as_json:
                print_json(mined.line())
            else:
                why = f"  ({mined.reason.splitlines()[0][:100]})" if mined.reason else ""
                print_result(f"{mined.status:<12} {mined.fix_commit[:10]}  {mined.title[:60]}{why}")
    report(f"{counts['admitted']} admitted, {counts['quarantined']} quarantined")


@group.command("from-feedback")
def from_feedback_command(
    draft: Annotated[bool, typer.Option(help="Let the model draft checks from reviewers' words.")] = True,
    again: AGAIN_OPTION = False,
    as_json: JSON_LINES_OPTION = False,
) -> None:
    """Make tickets from pull requests that came back.

    What was merged must pass, and what was first submitted must fail. Where the tests see no difference between them,
    checks drafted from the reviewers' words may.
    """
    from meta.app import open_writable
    from meta.tickets.from_feedback.conversion import convert_outcomes

    counts = {"admitted": 0, "quarantined": 0, "no ticket": 0}
    with open_writable(HERE, "tickets from-feedback", report) as app:
        models = app.models() if draft else None
        for found in convert_outcomes(app.store, app.workshop, app.settings, report, models=models, again=again):
            counts[found.status or "no ticket"] += 1
            if as_json:
                print_json(found.model_dump(mode="json"))
                continue
            why = f"  ({found.reason.splitlines()[0][:150]})" if found.reason else ""
            drafted = f"  [{found.review_checks} checks drafted from reviewers' words]" if found.review_checks else ""
            known = "  (as before)" if found.known else ""
            print_result(
                f"{found.status or 'no ticket':<12} {found.pull_request}  {found.title[:60]}{drafted}{known}{why}"
            )
    if not sum(counts.values()):
        report("no pull requests have come back yet; run `meta ingest-feedback` to check")
        raise typer.Exit(ExitCode.NOTHING_TO_DO)
    report(", ".join(f"{n} {name}" for name, n in counts.items()))


def standing_document(standing: TicketStanding) -> dict[str, Any]:
    """Where a ticket stands, as `--json` says it: with numbers for yes and no."""
    return {**standing.model_dump(), "held_out": int(standing.held_out)}
