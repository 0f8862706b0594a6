"""`meta work`: the agent on one ticket, for a reviewer."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from meta.cli.options import HERE, resolve_given, resolve_given_text
from meta.cli.output import print_result, report
from meta.errors import ExitCode, MetaError


def work_command(
    ticket: Annotated[
        str,
        typer.Argument(metavar="TICKET", callback=resolve_given_text, help="Id, Markdown file, or URL of an issue."),
    ] = "",
    repo: Annotated[
        Path | None,
        typer.Option(metavar="PATH", callback=resolve_given, help="Repository to change, for a ticket from a file."),
    ] = None,
    base: Annotated[str, typer.Option(metavar="COMMIT", help="Commit to start from.")] = "HEAD",
    pr: Annotated[bool, typer.Option("--pr", help="Open a pull request, for an issue on GitHub.")] = False,
    draft: Annotated[bool, typer.Option("--draft", help="Open the pull request as a draft.")] = False,
    event: Annotated[
        Path | None, typer.Option(metavar="PATH", callback=resolve_given, help="File with a GitHub webhook's payload.")
    ] = None,
) -> None:
    """Run the agent on one ticket.

    The result is a branch in the ticket's repository or, with --pr, a pull request. The first line of a Markdown file
    is the ticket's title.
    """
    from meta.app import open_writable

    if bool(ticket) == bool(event):
        raise MetaError("give either a ticket or --event FILE", "see `meta work --help`", ExitCode.USAGE)
    github = bool(event) or ticket.startswith(("http://", "https://"))
    if pr and not github:
        raise MetaError("--pr needs an issue on GitHub", "give https://HOST/OWNER/REPO/issues/NUMBER", ExitCode.USAGE)
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
            raise typer.Exit(ExitCode.NOTHING_TO_DO)
