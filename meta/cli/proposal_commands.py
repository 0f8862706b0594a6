"""`meta proposals`: suggested changes of the agent, and a person's word on them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from meta.cli.output import make_json_option, print_json, print_result, report

app = typer.Typer(help="Suggested changes of the agent: list, show, accept, reject, roll back.", rich_markup_mode=None)
HERE = Path(".")
NUMBER_ARGUMENT = Annotated[int, typer.Argument(help="The proposal's number.")]


@app.callback(invoke_without_command=True)
def proposals_command(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        list_proposals_command()


@app.command("list")
def list_proposals_command(as_json: Annotated[bool, make_json_option()] = False) -> None:
    """All proposals, newest last."""
    from meta.app import open_readonly
    from meta.look.table import format_table

    with open_readonly(HERE) as app:
        entries = app.store.proposals.entries()
    if as_json:
        print_json([entry.model_dump() for entry in entries])
    elif not entries:
        print_result("no proposals yet: `meta propose` looks for some")
    else:
        cells = [(e.id, e.status.replace("_", " "), e.branch, e.title[:60], e.made_at[:10]) for e in entries]
        print_result(format_table(cells, ["n", "status", "branch", "title", "made"]))


@app.command("show")
def show_proposal_command(
    number: NUMBER_ARGUMENT,
    audit: Annotated[bool, typer.Option("--audit", help="Recompute the decision from the recorded replays.")] = False,
) -> None:
    """One proposal: the change, what it answers, the evidence for and against, what it cost."""
    from meta.app import open_readonly
    from meta.look.proposal_page import proposal_page
    from meta.proposals.audit import audit_proposal as recompute
    from meta.proposals.view import view_proposal

    with open_readonly(HERE) as app:
        proposal = app.store.proposals.find(number)
        print_result(
            recompute(app.store, proposal) if audit else proposal_page(view_proposal(app.store, app.versions, proposal))
        )


@app.command("publish")
def publish_command(number: NUMBER_ARGUMENT) -> None:
    """Open a pull request for a proposal on the agent's own repository; what becomes of it is read back."""
    from meta.app import open_writable
    from meta.forges.github.publication import publish_proposal as open_pull_request

    with open_writable(HERE, "proposals publish", report) as app:
        print_result(open_pull_request(app.project, app.store, app.versions, app.store.proposals.find(number)))


@app.command("accept")
def accept_command(number: NUMBER_ARGUMENT) -> None:
    """Merge a proposal into the branch that is checked out in the agent's repository."""
    from meta.app import open_writable
    from meta.proposals.decision import accept_proposal as merge

    with open_writable(HERE, "proposals accept", report) as app:
        done = merge(app.store, app.versions, app.store.proposals.find(number))
    print_result(
        f"proposal {number} is merged ({(done.merge_commit or '')[:10]}); `meta proposals rollback {number}` undoes it"
    )


@app.command("reject")
def reject_command(
    number: NUMBER_ARGUMENT, reason: Annotated[str, typer.Option(help="Why; the proposer learns from it.")] = ""
) -> None:
    """Turn a proposal down. The reason is remembered, and the idea is not proposed again."""
    from meta.app import open_writable
    from meta.proposals.decision import reject_proposal as turn_down

    with open_writable(HERE, "proposals reject", report) as app:
        for changed in turn_down(app.store, app.store.proposals.find(number), reason):
            print_result(f"proposal {changed.id} is {changed.status}: {changed.reason}")


@app.command("rollback")
def rollback_command(number: NUMBER_ARGUMENT, reason: Annotated[str, typer.Option(help="Why.")] = "") -> None:
    """Undo an accepted proposal with one commit."""
    from meta.app import open_writable
    from meta.proposals.decision import roll_back_proposal as undo

    with open_writable(HERE, "proposals rollback", report) as app:
        undo(app.store, app.versions, app.store.proposals.find(number), reason)
    print_result(f"proposal {number} is rolled back")
