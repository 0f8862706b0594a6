"""`meta feedback`: what came back, why, on what evidence; and a person's word on it."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from meta.output import json_option, out, say, tell

app = typer.Typer(
    help="What became of the agent's pull requests and why: list, show, judge, correct.", rich_markup_mode=None
)
HERE = Path(".")
PULL = Annotated[str, typer.Argument(help="owner/name#12, or #12 where that is clear.")]


@app.callback(invoke_without_command=True)
def feedback(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        list_feedback()


@app.command("list")
def list_feedback(
    kind: Annotated[str, typer.Option(help="Only merged, revised, rejected, reverted, open or unknown.")] = "",
    cause: Annotated[str, typer.Option(help="Only this cause.")] = "",
    as_json: Annotated[bool, json_option()] = False,
) -> None:
    """All outcomes with their causes, and what share of the unmerged is the agent's doing."""
    from feedback.records import Cause, Kind
    from meta.context import reading
    from meta.review.text import table
    from meta.shares import shares

    if kind:
        _one_of("outcome", kind, Kind)
    if cause:
        _one_of("cause", cause, Cause)
    with reading(HERE) as context:
        known = list(context.store.outcomes())
        share = shares(context.store)
    found = [o for o in known if kind in ("", o.kind.value) and cause in ("", o.cause.value)]
    if as_json:
        rows = [
            {"key": o.key, "kind": o.kind.value, "cause": o.cause.value, "cause_by": o.cause_by, "title": o.title}
            for o in found
        ]
        out({"outcomes": rows, "rejected": share.model_dump()})
        return
    if not found:
        say("none of them" if known else "no feedback yet: `meta ingest-feedback` reads it")
        return
    cells = [
        (o.key, o.kind.value, o.cause.value if o.kind.came_back else "", o.cause_by or "", o.title[:60]) for o in found
    ]
    say(table(cells, ["pull request", "outcome", "cause", "by", "title"]))
    if share.text:
        say("\n" + share.text)


@app.command()
def show(pull: PULL, as_json: Annotated[bool, json_option()] = False) -> None:
    """One outcome: what happened, the cause with its evidence, the words, and what is not known."""
    from meta.context import reading
    from meta.review.outcome import find, page

    with reading(HERE) as context:
        found = find(context.store, pull)
    if as_json:
        out(found.model_dump(mode="json"))
    else:
        say(page(found))


@app.command()
def judge(limit: Annotated[int, typer.Option(min=1, help="Most pull requests to ask about.")] = 50) -> None:
    """Ask the model about causes that no rule could tell; only what it can prove with a quotation counts."""
    from meta.causes import judge_all
    from meta.context import writing
    from meta.shares import shares

    with writing(HERE, "feedback judge", tell) as context:
        asked, found = judge_all(context, limit)
        share = shares(context.store)
    if not asked:
        say("nothing to ask: every cause is known, or there is nothing to read about it")
        raise typer.Exit(3)
    say(f"asked about {asked}: {found} have a cause now, {asked - found} stay unknown")
    if share.text:
        say(share.text)


@app.command()
def correct(
    pull: PULL,
    cause: Annotated[str, typer.Argument(help="The right cause, such as weak_tests; unknown if nobody can tell.")],
    reason: Annotated[str, typer.Option(help="In your words; kept as the evidence.")] = "",
) -> None:
    """Say what the cause was. It is never overwritten, neither by a rule nor by the model nor by a later ingest."""
    from feedback.records import Cause, Evidence
    from meta.context import writing
    from meta.review.outcome import find
    from meta.store.feedback import save

    _one_of("cause", cause, Cause)
    with writing(HERE, "feedback correct", tell) as context:
        found = find(context.store, pull)
        said = (Evidence(kind="words", text=reason, author="you", source="person"),) if reason.strip() else ()
        save(context.store, found.with_cause(Cause(cause), "person", said))
    say(f"{found.key}: {found.cause.value} -> {cause}")


def _one_of(what: str, given: str, words: type[StrEnum]) -> None:
    from meta.errors import MetaError

    names = [word.value for word in words]
    if given not in names:
        raise MetaError(f"there is no {what} {given!r}", f"one of: {', '.join(names)}", code=2)
