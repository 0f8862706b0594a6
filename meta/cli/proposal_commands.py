"""`meta proposals`: suggested changes of the agent, and a person's word on them."""

from __future__ import annotations

from typing import Annotated

import typer

from meta.cli.command_group import make_group
from meta.cli.options import HERE, JSON_OPTION, NUMBER_ARGUMENT, REASON_OPTION
from meta.cli.output import print_json, print_result, report

group = make_group("List, accept, reject or roll back proposals.\n\nWithout a command, it lists them.")


@group.callback(invoke_without_command=True)
def proposals_command(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        list_proposals_command()


@group.command("list")
def list_proposals_command(as_json: JSON_OPTION = False) -> None:
    """List all proposals, the newest last."""
    from meta.app import open_readonly
    from meta.look.proposal_page import proposal_table

    with open_readonly(HERE) as app:
        entries = app.store.proposals.entries()
    if as_json:
        print_json([entry.model_dump() for entry in entries])
    else:
        print_result(proposal_table(entries) if entries else "no proposals yet; run `meta propose` to look for some")


@group.command("show")
def show_proposal_command(
    number: NUMBER_ARGUMENT,
    audit: Annotated[bool, typer.Option("--audit", help="Recompute the decision from the recorded replays.")] = False,
    as_json: JSON_OPTION = False,
) -> None:
    """Show a proposal: the change, its evidence and its cost."""
    from meta.app import open_readonly
    from meta.look.audit_page import audit_page
    from meta.look.proposal_page import proposal_page
    from meta.proposals.audit import audit_proposal
    from meta.proposals.view import view_proposal

    with open_readonly(HERE) as app:
        proposal = app.store.proposals.find(number)
        if audit:
            checked = audit_proposal(app.store, proposal)
            document, page = checked.model_dump(mode="json"), audit_page(checked)
        else:
            view = view_proposal(app.store, app.versions, proposal)
            document, page = view.to_json(), proposal_page(view)
    if as_json:
        print_json(document)
    else:
        print_result(page)


@group.command("publish")
def publish_command(number: NUMBER_ARGUMENT) -> None:
    """Open a pull request for a proposal.

    It goes to the agent's own repository on GitHub; how it ends is read back by `meta ingest-feedback`.
    """
    from meta.app import open_writable
    from meta.forges.github.publication import publish_proposal

    with open_writable(HERE, "proposals publish", report) as app:
        print_result(publish_proposal(app.project, app.store, app.versions, app.store.proposals.find(number)))


@group.command("accept")
def accept_command(number: NUMBER_ARGUMENT) -> None:
    """Merge a proposal into the checked-out branch."""
    from meta.app import open_writable
    from meta.proposals.decision import accept_proposal

    with open_writable(HERE, "proposals accept", report) as app:
        done = accept_proposal(app.store, app.versions, app.store.proposals.find(number))
    print_result(
        f"merged proposal {number} as {(done.merge_commit or '')[:10]}; `meta proposals rollback {number}` undoes it"
    )


@group.command("reject")
def reject_command(number: NUMBER_ARGUMENT, reason: REASON_OPTION = "") -> None:
    """Reject a proposal and remember why.

    The proposer learns from the reason, and the idea is not proposed again.
    """
    from meta.app import open_writable
    from meta.proposals.decision import reject_proposal

    with open_writable(HERE, "proposals reject", report) as app:
        for changed in reject_proposal(app.store, app.store.proposals.find(number), reason):
            print_result(f"proposal {changed.id} is {changed.status}: {changed.reason}")


@group.command("rollback")
def rollback_command(number: NUMBER_ARGUMENT, reason: REASON_OPTION = "") -> None:
    """Undo an accepted proposal with one commit."""
    from meta.app import open_writable
    from meta.proposals.decision import roll_back_proposal

    with open_writable(HERE, "proposals rollback", report) as app:
        roll_back_proposal(app.store, app.versions, app.store.proposals.find(number), reason)
    print_result(f"rolled back proposal {number}")
