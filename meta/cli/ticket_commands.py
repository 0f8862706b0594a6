"""`meta tickets`: what can be replayed, where it came from, and why each ticket can be trusted."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from meta.cli.output import make_json_option, print_json, print_result, report

if TYPE_CHECKING:
    from meta.app import App

app = typer.Typer(
    help="Replayable tickets: add or mine them, and see which have proved themselves.", rich_markup_mode=None
)
HERE = Path(".")


@app.callback(invoke_without_command=True)
def tickets_command(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        list_tickets_command()


@app.command("list")
def list_tickets_command(as_json: Annotated[bool, make_json_option()] = False) -> None:
    """All tickets with their status: admitted, quarantined (and why), or new."""
    from meta.app import open_readonly
    from meta.look.table import format_table

    with open_readonly(HERE) as app:
        found = app.store.tickets.standings()
    if as_json:
        print_json([{**ticket.model_dump(), "held_out": int(ticket.held_out)} for ticket in found])
        return
    if not found:
        print_result("no tickets yet: `meta tickets mine PATH` or `meta tickets add FILE`")
        return
    first = [(t.reason.splitlines() or [""])[0][:70] for t in found]
    use = ["" if t.status != "admitted" else "held out" if t.held_out else "search" for t in found]
    cells = [(t.id, t.status, u, t.title[:50], why) for t, u, why in zip(found, use, first, strict=True)]
    print_result(format_table(cells, ["ticket", "status", "use", "title", "reason"]))


@app.command("show")
def show_ticket_command(ticket: str) -> None:
    """One ticket: its brief, where it starts, what decides it: the tests, and the acceptance checks."""
    from meta.app import open_readonly
    from meta.errors import MetaError
    from meta.grading.acceptance.checks import describe_checks
    from meta.languages.junit.junit_run import WEAKER_VERDICT_NOTE

    with open_readonly(HERE) as app:
        found = app.store.tickets.find(ticket)
        standing = app.store.tickets.standing(ticket)
    if not found or not standing:
        raise MetaError(f"there is no ticket {ticket!r}", "see `meta tickets list`", code=2)
    print_result(f"{found.id}: {found.title}\n\n{found.body}\n")
    print_result(f"repository    {found.repo}\nbase          {found.base_commit}\nsource        {found.source}")
    print_result(f"themes        {', '.join(found.labels) or 'none'}")
    print_result(f"status        {standing.status} {standing.reason}")
    for name, tests in (("FAIL_TO_PASS", found.grader.fail_to_pass), ("PASS_TO_PASS", found.grader.pass_to_pass)):
        print_result(f"{name}  {len(tests)}" + "".join(f"\n  {t}" for t in tests[:20]))
    if junit := found.grader.junit:
        print_result(f"run by        {junit.command}{WEAKER_VERDICT_NOTE}")
    checks = describe_checks(found.grader)
    print_result(f"checks        {len(checks)}" + "".join(f"\n  {line}" for line in checks))


@app.command("add")
def add_tickets_command(
    files: Annotated[list[Path], typer.Argument(help="JSONL, TOML or Markdown; see docs/tickets.md.")],
    check: Annotated[bool, typer.Option(help="Let each prove itself at once.")] = True,
) -> None:
    """Add tickets from files. A file with a bad entry is named with it, and none of that file is taken."""
    from meta.app import open_writable
    from meta.tickets.from_files.ticket_files import load_tickets

    with open_writable(HERE, "tickets add", report) as app:
        loaded = [ticket for file in files for ticket in load_tickets(file)]
        added = sum(app.store.tickets.add(ticket) for ticket in loaded)
        print_result(f"{added} tickets added or changed")
        if check:
            _check(app)


@app.command("check")
def check_tickets_command(
    runs: Annotated[int, typer.Option(min=1, help="Runs of gold and of base.")] = 3,
    again: Annotated[bool, typer.Option("--again", help="Also those already admitted or quarantined.")] = False,
) -> None:
    """Let new tickets prove themselves: gold must pass, base and rejected diffs must fail."""
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


@app.command("mine")
def mine_command(
    path: Annotated[Path, typer.Argument(help="A clone, best with refs/pull/*/head.")],
    since: Annotated[str, typer.Option(help="Only changes since this day (YYYY-MM-DD).")] = "",
    limit: Annotated[int, typer.Option(min=1, help="Stop after so many admitted tickets.")] = 50,
    as_json: Annotated[bool, make_json_option()] = False,
) -> None:
    """Make tickets from a repository's history: changes that touch source and tests and are small enough."""
    from meta.app import open_writable
    from meta.tickets.mining.miner import mine_into_store

    counts = {"admitted": 0, "quarantined": 0}
    with open_writable(HERE, "tickets mine", report) as app:
        tickets, settings = app.store.tickets, app.settings.replay
        for mined in mine_into_store(tickets, app.workshop, path, settings, report, since=since or None, limit=limit):
            counts[mined.status] += 1
            if as_json:
                print_json(mined.line())
            else:
                why = f"  ({mined.reason.splitlines()[0][:100]})" if mined.reason else ""
                print_result(f"{mined.status:<12} {mined.fix_commit[:10]}  {mined.title[:60]}{why}")
    report(f"{counts['admitted']} admitted, {counts['quarantined']} quarantined")


@app.command("from-feedback")
def from_feedback_command(
    draft: Annotated[
        bool, typer.Option(help="Let the model draft checks from reviewers' words where tests see no difference.")
    ] = True,
    again: Annotated[bool, typer.Option("--again", help="Also those that were tried before.")] = False,
    as_json: Annotated[bool, make_json_option()] = False,
) -> None:
    """Make tickets of pull requests that came back: what was merged must pass, what was submitted must fail."""
    from meta.app import open_writable
    from meta.tickets.from_feedback.conversion import convert_outcomes as make

    counts = {"admitted": 0, "quarantined": 0, "no ticket": 0}
    with open_writable(HERE, "tickets from-feedback", report) as app:
        models = app.models() if draft else None
        for found in make(app.store, app.workshop, app.settings, report, models=models, again=again):
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
        report("no pull request came back yet: `meta ingest-feedback` reads what became of them")
        raise typer.Exit(3)
    report(", ".join(f"{n} {name}" for name, n in counts.items()))
