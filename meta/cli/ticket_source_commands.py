"""The commands of `meta tickets` that make tickets: from files, history and feedback."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from meta.cli.options import AGAIN_OPTION, HERE, JSON_LINES_OPTION, JSON_OPTION, resolve_given
from meta.cli.output import print_json, print_result, report, report_set_aside
from meta.errors import ExitCode

if TYPE_CHECKING:
    from meta.app import App
    from meta.records.ticket import Admission


def add_tickets_command(
    files: Annotated[
        list[Path],
        typer.Argument(metavar="FILE", callback=resolve_given, help="JSONL, TOML or Markdown; see docs/tickets.md."),
    ],
    check: Annotated[bool, typer.Option(help="Check them at once.")] = True,
    as_json: JSON_OPTION = False,
) -> None:
    """Add tickets from files.

    An invalid entry is named and set aside, and the rest is added. Then the exit code is 1.
    """
    from meta.app import open_writable
    from meta.tickets.from_files.ticket_files import read_ticket_files, require_all_read

    with open_writable(HERE, "tickets add", report) as app:
        read = read_ticket_files(files)
        if not read.tickets:
            require_all_read(read, ", ".join(map(str, files)))
        added = sum(app.store.tickets.add(ticket) for ticket in read.tickets)
        if not as_json:
            print_result(f"{added} tickets added or changed")
            report_set_aside(read.problems)
        found = check_new_tickets(app, quiet=as_json) if check else []
        if as_json:
            print_json({"added": added, "set_aside": read.problems, "checked": [a.model_dump() for a in found]})
    if read.problems:
        raise typer.Exit(ExitCode.FAILED)


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

    It tries merged changes that touch both source and tests and are small enough, the newest first. A change that
    cannot be read is set aside with the reason.
    """
    from meta.app import open_writable
    from meta.tickets.mining.changes import MainLine
    from meta.tickets.mining.miner import mine_into_store

    counts, set_aside = {"admitted": 0, "quarantined": 0}, list[str]()
    with open_writable(HERE, "tickets mine", report) as app:
        tickets, settings = app.store.tickets, app.settings.replay
        line = MainLine(branch, since or None)
        for mined in mine_into_store(tickets, app.workshop, path, settings, report, main_line=line, limit=limit):
            counts[mined.status] += not mined.set_aside
            if mined.set_aside:
                set_aside.append(f"{mined.fix_commit[:10]}  {mined.reason}")
            if as_json:
                print_json(mined.line())
            elif not mined.set_aside:
                why = f"  ({mined.reason.splitlines()[0][:100]})" if mined.reason else ""
                print_result(f"{mined.status:<12} {mined.fix_commit[:10]}  {mined.title[:60]}{why}")
    report_set_aside(set_aside)
    report(f"{counts['admitted']} admitted, {counts['quarantined']} quarantined")


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


def check_new_tickets(app: App, runs: int = 3, *, quiet: bool = False) -> list[Admission]:
    """Admit or quarantine every new ticket; unless `quiet`, print how many of each."""
    from meta.tickets.admission.queue import admit_waiting_tickets

    found = admit_waiting_tickets(app.store.tickets, app.workshop, app.settings.replay, report, runs)
    admitted = sum(a.status == "admitted" for a in found)
    if not quiet:
        print_result(f"{admitted} admitted, {len(found) - admitted} quarantined")
    return found
