"""`meta feedback`: what came back, why, on what evidence; and a person's word on it."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from meta.cli.output import EXIT_NOTHING, HERE, make_json_option, print_json, print_result, report

app = typer.Typer(
    help="What became of the agent's pull requests and why: list, show, judge, correct.", rich_markup_mode=None
)
PULL_ARGUMENT = Annotated[str, typer.Argument(help="owner/name#12, or #12 where that is clear.")]


@app.callback(invoke_without_command=True)
def feedback_command(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        list_feedback_command()


@app.command("list")
def list_feedback_command(
    kind: Annotated[str, typer.Option(help="Only merged, revised, rejected, reverted, open or unknown.")] = "",
    cause: Annotated[str, typer.Option(help="Only this cause.")] = "",
    as_json: Annotated[bool, make_json_option()] = False,
) -> None:
    """All outcomes with their causes, and what share of the unmerged is the agent's doing."""
    from feedback.outcome import Cause, OutcomeKind
    from meta.app import open_readonly
    from meta.look.table import format_table
    from meta.outcomes.agent_share import read_agent_share

    if kind:
        _one_of("outcome", kind, OutcomeKind)
    if cause:
        _one_of("cause", cause, Cause)
    with open_readonly(HERE) as app:
        known = app.store.outcomes.all()
        share = read_agent_share(app.store)
    found = [o for o in known if kind in ("", o.kind.value) and cause in ("", o.cause.value)]
    if as_json:
        rows = [
            {"key": o.key, "kind": o.kind.value, "cause": o.cause.value, "cause_by": o.cause_by, "title": o.title}
            for o in found
        ]
        print_json({"outcomes": rows, "rejected": share.model_dump()})
        return
    if not found:
        print_result("none of them" if known else "no feedback yet: `meta ingest-feedback` reads it")
        return
    cells = [
        (o.key, o.kind.value, o.cause.value if o.kind.came_back else "", o.cause_by or "", o.title[:60]) for o in found
    ]
    print_result(format_table(cells, ["pull request", "outcome", "cause", "by", "title"]))
    if share.text:
        print_result("\n" + share.text)


@app.command("show")
def show_feedback_command(pull: PULL_ARGUMENT, as_json: Annotated[bool, make_json_option()] = False) -> None:
    """One outcome: what happened, the cause with its evidence, the words, and what is not known."""
    from meta.app import open_readonly
    from meta.look.outcome_page import outcome_page

    with open_readonly(HERE) as app:
        found = app.store.outcomes.named(pull)
    if as_json:
        print_json(found.model_dump(mode="json"))
    else:
        print_result(outcome_page(found))


@app.command("judge")
def judge_command(limit: Annotated[int, typer.Option(min=1, help="Most pull requests to ask about.")] = 50) -> None:
    """Ask the model about causes that no rule could tell; only what it can prove with a quotation counts."""
    from meta.app import open_writable
    from meta.outcomes.agent_share import read_agent_share
    from meta.outcomes.model_causes import assign_causes_by_model

    with open_writable(HERE, "feedback judge", report) as app:
        asked, found = assign_causes_by_model(app.store.outcomes, app.models(), limit, report)
        share = read_agent_share(app.store)
    if not asked:
        print_result("nothing to ask: every cause is known, or there is nothing to read about it")
        raise typer.Exit(3)
    print_result(f"asked about {asked}: {found} have a cause now, {asked - found} stay unknown")
    if share.text:
        print_result(share.text)


@app.command("correct")
def correct_command(
    pull: PULL_ARGUMENT,
    cause: Annotated[str, typer.Argument(help="The right cause, such as weak_tests; unknown if nobody can tell.")],
    reason: Annotated[str, typer.Option(help="In your words; kept as the evidence.")] = "",
) -> None:
    """Say what the cause was. It is never overwritten, neither by a rule nor by the model nor by a later ingest."""
    from feedback.outcome import Cause, OutcomeEvidence
    from meta.app import open_writable

    _one_of("cause", cause, Cause)
    with open_writable(HERE, "feedback correct", report) as app:
        found = app.store.outcomes.named(pull)
        said = (OutcomeEvidence(kind="words", text=reason, author="you", source="person"),) if reason.strip() else ()
        app.store.outcomes.save(found.with_cause(Cause(cause), "person", said))
    print_result(f"{found.key}: {found.cause.value} -> {cause}")


def _one_of(what: str, given: str, words: type[StrEnum]) -> None:
    from meta.errors import MetaError

    names = [word.value for word in words]
    if given not in names:
        raise MetaError(f"there is no {what} {given!r}", f"one of: {', '.join(names)}", code=2)


def ingest_feedback_command(
    source: Annotated[
        list[str] | None, typer.Option(help="A clone, a JSONL export, github or github:OWNER/NAME.")
    ] = None,
    as_json: Annotated[bool, make_json_option()] = False,
) -> None:
    """Record what happened to the agent's pull requests since last time."""
    from meta.app import open_writable
    from meta.errors import MetaError
    from meta.look.table import format_table
    from meta.outcomes.agent_share import read_agent_share
    from meta.outcomes.ingest import read_all_sources

    with open_writable(HERE, "ingest-feedback", report) as app:
        results = read_all_sources(app.store, app.project, source or [])
        counts = app.store.outcomes.counts()
        share = read_agent_share(app.store)
        if not results:
            report("no source: name repositories in meta.toml, or give --source PATH")
            raise typer.Exit(EXIT_NOTHING)
    if as_json:
        outcomes = [count.model_dump() for count in counts]
        print_json({"sources": [vars(r) for r in results], "outcomes": outcomes, "rejected": share.model_dump()})
    else:
        for result in results:
            new = ", ".join(f"{n} {kind}" for kind, n in sorted(result.kinds.items()))
            print_result(f"{result.source}: {new or ('not read' if result.failure else 'nothing new')}")
            for problem in result.problems:
                report(f"  {problem}")
        if counts:
            cells = [(c.kind.value, c.cause.value if c.kind.came_back else "", c.n) for c in counts]
            print_result("\n" + format_table(cells, ["outcome", "cause", "pull requests"]))
        if share.text:
            print_result("\n" + share.text)
    if failed := [result.failure for result in results if result.failure]:
        raise MetaError("\n".join(failed))
