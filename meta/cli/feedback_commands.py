"""`meta ingest-feedback` and `meta feedback`: how pull requests ended, and why."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from meta.cli.command_group import make_group
from meta.cli.options import HERE, JSON_OPTION, PULL_ARGUMENT, REASON_OPTION, resolve_given_texts
from meta.cli.output import print_json, print_result, report, report_first
from meta.errors import ExitCode, MetaError

group = make_group("See how pull requests ended and why, or correct it.\n\nWithout a command, it lists them.")


def ingest_feedback_command(
    source: Annotated[
        list[str] | None,
        typer.Option(
            metavar="SOURCE",
            callback=resolve_given_texts,
            help="Clone, JSONL export, github or github:OWNER/NAME.",
        ),
    ] = None,
    as_json: JSON_OPTION = False,
) -> None:
    """Read how the agent's pull requests ended.

    Without --source, it reads every repository in meta.toml. It reads only what is new since the last time.
    """
    from meta.app import open_writable
    from meta.look.outcome_page import outcome_counts_page
    from meta.outcomes.ingest import read_all_sources

    with open_writable(HERE, "ingest-feedback", report) as app:
        results = read_all_sources(app.store, app.project, source or [])
        counts = app.store.outcomes.counts()
        share = app.store.outcomes.agent_share()
    if not results:
        report("no source: name repositories in meta.toml, or give --source PATH")
        raise typer.Exit(ExitCode.NOTHING_TO_DO)
    if as_json:
        outcomes = [count.model_dump() for count in counts]
        print_json({"sources": [vars(r) for r in results], "outcomes": outcomes, "rejected": share.model_dump()})
    else:
        for result in results:
            new = ", ".join(f"{n} {kind}" for kind, n in sorted(result.kinds.items()))
            print_result(f"{result.source}: {new or ('not read' if result.failure else 'nothing new')}")
            report_first(result.problems)
        if counts:
            print_result("\n" + outcome_counts_page(counts, share))
    if failed := [result.failure for result in results if result.failure]:
        raise MetaError("\n".join(failed))


@group.callback(invoke_without_command=True)
def feedback_command(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        list_feedback_command()


@group.command("list")
def list_feedback_command(
    kind: Annotated[str, typer.Option(metavar="KIND", help="Show only one kind, such as rejected.")] = "",
    cause: Annotated[str, typer.Option(metavar="CAUSE", help="Show only one cause, such as weak_tests.")] = "",
    as_json: JSON_OPTION = False,
) -> None:
    """List all outcomes with their causes.

    The last lines say how many of the rejected pull requests are the agent's fault.
    """
    from feedback.outcome import Cause, OutcomeKind
    from meta.app import open_readonly
    from meta.look.outcome_page import outcome_table

    if kind:
        _one_of("outcome", kind, OutcomeKind)
    if cause:
        _one_of("cause", cause, Cause)
    with open_readonly(HERE) as app:
        known = app.store.outcomes.all()
        share = app.store.outcomes.agent_share()
    found = [o for o in known if kind in ("", o.kind.value) and cause in ("", o.cause.value)]
    if as_json:
        rows = [
            {"key": o.key, "kind": o.kind.value, "cause": o.cause.value, "cause_by": o.cause_by, "title": o.title}
            for o in found
        ]
        print_json({"outcomes": rows, "rejected": share.model_dump()})
    elif not found:
        print_result("no pull request matches" if known else "no feedback yet: run `meta ingest-feedback`")
    else:
        print_result(outcome_table(found, share))


@group.command("show")
def show_feedback_command(pull: PULL_ARGUMENT, as_json: JSON_OPTION = False) -> None:
    """Show one pull request: outcome, cause and evidence."""
    from meta.app import open_readonly
    from meta.look.outcome_page import outcome_page

    with open_readonly(HERE) as app:
        found = app.store.outcomes.named(pull)
    if as_json:
        print_json(found.model_dump(mode="json"))
    else:
        print_result(outcome_page(found))


@group.command("judge")
def judge_command(
    limit: Annotated[
        int, typer.Option(min=1, metavar="NUMBER", help="Ask about at most this many pull requests.")
    ] = 50,
) -> None:
    """Ask the model for causes that no rule could tell.

    Only a cause that the model can prove with a quotation counts.
    """
    from meta.app import open_writable
    from meta.look.outcome_page import agent_share_text
    from meta.outcomes.model_causes import assign_causes_by_model

    with open_writable(HERE, "feedback judge", report) as app:
        asked, found = assign_causes_by_model(app.store.outcomes, app.models(), limit, report)
        share = app.store.outcomes.agent_share()
    if not asked:
        print_result("nothing to ask: every cause is known, or there is nothing to read about it")
        raise typer.Exit(ExitCode.NOTHING_TO_DO)
    print_result(f"asked about {asked}: {found} now have a cause, {asked - found} stay unknown")
    if text := agent_share_text(share):
        print_result(text)


@group.command("correct")
def correct_command(
    pull: PULL_ARGUMENT,
    cause: Annotated[str, typer.Argument(metavar="CAUSE", help="Such as weak_tests; unknown if nobody can tell.")],
    reason: REASON_OPTION = "",
) -> None:
    """Set the cause of a pull request by hand.

    Your word is never overwritten: not by a rule, not by the model, and not by a later ingest.
    """
    from feedback.outcome import Cause, OutcomeEvidence
    from meta.app import open_writable

    _one_of("cause", cause, Cause)
    with open_writable(HERE, "feedback correct", report) as app:
        found = app.store.outcomes.named(pull)
        said = (OutcomeEvidence(kind="words", text=reason, author="you", source="person"),) if reason.strip() else ()
        app.store.outcomes.save(found.with_cause(Cause(cause), "person", said))
    print_result(f"{found.key}: {found.cause.value} -> {cause}")


def _one_of(what: str, given: str, words: type[StrEnum]) -> None:
    names = [word.value for word in words]
    if given not in names:
        raise MetaError(f"there is no {what} {given!r}", f"choose one of: {', '.join(names)}", ExitCode.USAGE)
