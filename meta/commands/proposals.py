"""`meta proposals`: suggested changes of the agent, and a person's word on them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from meta.output import json_option, out, say, tell

app = typer.Typer(help="Suggested changes of the agent: list, show, accept, reject, roll back.", rich_markup_mode=None)
HERE = Path(".")
NUMBER = Annotated[int, typer.Argument(help="The proposal's number.")]


@app.callback(invoke_without_command=True)
def proposals(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        list_proposals()


@app.command("list")
def list_proposals(as_json: Annotated[bool, json_option()] = False) -> None:
    """All proposals, newest last."""
    from meta.context import reading
    from meta.review.text import table

    with reading(HERE) as context:
        rows = context.store.rows(
            "select p.id, p.status, p.branch, c.title, p.made_at, p.reason from proposals p"
            " join candidates c on c.id = p.candidate order by p.id"
        )
    if as_json:
        out(rows)
    elif not rows:
        say("no proposals yet: `meta propose` looks for some")
    else:
        cells = [
            (r["id"], r["status"].replace("_", " "), r["branch"], r["title"][:60], r["made_at"][:10]) for r in rows
        ]
        say(table(cells, ["n", "status", "branch", "title", "made"]))


@app.command()
def show(
    number: NUMBER,
    audit: Annotated[bool, typer.Option("--audit", help="Recompute the decision from the recorded replays.")] = False,
) -> None:
    """One proposal: the change, what it answers, the evidence for and against, what it cost."""
    from meta.context import reading
    from meta.review.audit import audit as recompute
    from meta.review.text import page
    from meta.review.view import find, view

    with reading(HERE) as context:
        proposal = find(context.store, number)
        say(recompute(context.store, proposal) if audit else page(view(context, proposal)))


@app.command()
def publish(number: NUMBER) -> None:
    """Open a pull request for a proposal on the agent's own repository; what becomes of it is read back."""
    from meta.context import writing
    from meta.github.publish import publish as open_pull_request
    from meta.review.view import find

    with writing(HERE, "proposals publish", tell) as context:
        say(open_pull_request(context, find(context.store, number)))


@app.command()
def accept(number: NUMBER) -> None:
    """Merge a proposal into the branch that is checked out in the agent's repository."""
    from meta.context import writing
    from meta.review.decide import accept as merge
    from meta.review.view import find

    with writing(HERE, "proposals accept", tell) as context:
        done = merge(context, find(context.store, number))
    say(f"proposal {number} is merged ({(done.merge_commit or '')[:10]}); `meta proposals rollback {number}` undoes it")


@app.command()
def reject(number: NUMBER, reason: Annotated[str, typer.Option(help="Why; the proposer learns from it.")] = "") -> None:
    """Turn a proposal down. The reason is remembered, and the idea is not proposed again."""
    from meta.context import writing
    from meta.review.decide import reject as turn_down
    from meta.review.view import find

    with writing(HERE, "proposals reject", tell) as context:
        for changed in turn_down(context, find(context.store, number), reason):
            say(f"proposal {changed.id} is {changed.status}: {changed.reason}")


@app.command()
def rollback(number: NUMBER, reason: Annotated[str, typer.Option(help="Why.")] = "") -> None:
    """Undo an accepted proposal with one commit."""
    from meta.context import writing
    from meta.review.decide import rollback as undo
    from meta.review.view import find

    with writing(HERE, "proposals rollback", tell) as context:
        undo(context, find(context.store, number), reason)
    say(f"proposal {number} is rolled back")
