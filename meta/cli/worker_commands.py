"""DOCSTRING meta.cli.entry.worker_commands."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from meta.cli.output import EXIT_NOTHING, HERE, print_result, report


def work_command(
    ticket: Annotated[
        str, typer.Argument(help="A ticket's id, a Markdown file whose first line is the title, or an issue's address.")
    ] = "",
    repo: Annotated[Path | None, typer.Option(help="The repository, for a ticket from a file.")] = None,
    base: Annotated[str, typer.Option(help="Commit to start from.")] = "HEAD",
    pr: Annotated[bool, typer.Option("--pr", help="For an issue on GitHub: open a pull request.")] = False,
    draft: Annotated[bool, typer.Option("--draft", help="Open it as a draft (or github.draft in meta.toml).")] = False,
    event: Annotated[Path | None, typer.Option(help="A GitHub webhook's payload, instead of a ticket.")] = None,
) -> None:
    """Run the worker on one ticket; the result is a branch in the repository, or a pull request."""
    from meta.app import open_writable
    from meta.errors import MetaError

    if bool(ticket) == bool(event):
        raise MetaError("there is nothing to work on, or too much", "give a ticket, or --event FILE", code=2)
    github = bool(event) or ticket.startswith(("http://", "https://"))
    if pr and not github:
        raise MetaError("--pr is for an issue on GitHub", "give https://HOST/OWNER/REPO/issues/NUMBER", code=2)
    with open_writable(HERE, "work", report) as app:
        if not github:
            from meta.workers.assignment import find_assignment, work_on_ticket

            found = find_assignment(app.store.tickets, ticket, repo, base)
            work_on_ticket(found, app.versions.head().surface, app.worker(app.models()), app.workshop, report)
            return
        from meta.forges.github.address import find_issue_place
        from meta.forges.github.webhook_event import accept_event

        draft, delivery = draft or app.settings.github.draft, app.issue_delivery()
        if event:
            asked = accept_event(app.project, event)
            opened = delivery.deliver(asked.place, draft=draft, as_of=asked.when, pr=pr)
        else:
            opened = delivery.deliver(find_issue_place(app.settings.github, ticket), draft=draft, pr=pr)
        if opened:
            print_result(opened.url)
        if opened and not opened.new:
            raise typer.Exit(EXIT_NOTHING)
