"""The commands at the top level: set up, work, feed back, replay, tune, and see where things stand."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from meta.output import json_option, out, say, tell

HERE = Path(".")
NOTHING, BUDGET = 3, 4
SANDBOX = Annotated[str, typer.Option("--sandbox", help="bubblewrap, or none (no isolation: only if you must).")]


def register(app: typer.Typer) -> None:
    """Add these commands in the order in which a newcomer needs them."""
    commands: list[tuple[str, Callable[..., None]]] = [
        ("demo", demo),
        ("init", init),
        ("doctor", doctor),
        ("work", work),
        ("ingest-feedback", ingest_feedback),
        ("replay", replay),
        ("outlook", outlook),
        ("propose", propose),
        ("selftest", selftest),
        ("status", status),
    ]
    for name, command in commands:
        app.command(name)(command)


def demo(
    keep: Annotated[
        Path | None, typer.Option("--keep", help="Folder to leave the demo in (default: meta-demo).")
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of the stand-in's luck.")] = 7,
    as_json: Annotated[bool, json_option()] = False,
    sandbox: SANDBOX = "bubblewrap",
) -> None:
    """The whole loop on a built-in example with a stand-in for the model: no key, no network."""
    from meta.demo.run import run

    run(keep or Path("meta-demo"), seed=seed, as_json=as_json, sandbox=sandbox)


def init(
    show: Annotated[bool, typer.Option("--show", help="Only print what would be written.")] = False,
    github: Annotated[
        bool, typer.Option("--github", help="Write the workflow that runs the worker on a mention or label.")
    ] = False,
) -> None:
    """Write a meta.toml with every setting explained."""
    from meta.errors import MetaError
    from meta.settings import FILE, TEMPLATE

    if github:
        from meta.github.workflow import write

        write(HERE, show)
        return
    if show:
        say(TEMPLATE)
        return
    path = HERE / FILE
    if path.exists():
        raise MetaError(f"{path} is already there and stays as it is", "`meta init --show` prints a new one", code=3)
    path.write_text(TEMPLATE, "utf-8")
    say(f"{path} is written. Name your repositories in it, then `meta ingest-feedback` and `meta tickets mine PATH`")


def doctor() -> None:
    """Say what is missing on this machine or in the settings, and the fix."""
    from meta.context import reading
    from meta.doctor import examine

    with reading(HERE, tell) as context:
        bad = 0
        for finding in examine(context):
            say(
                f"{'ok  ' if finding.good else 'BAD '} {finding.what}"
                + (f"\n       -> {finding.do}" if finding.do else "")
            )
            bad += not finding.good
    if bad:
        raise typer.Exit(1)


def work(
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
    from meta.context import writing
    from meta.errors import MetaError

    if bool(ticket) == bool(event):
        raise MetaError("there is nothing to work on, or too much", "give a ticket, or --event FILE", code=2)
    github = bool(event) or ticket.startswith(("http://", "https://"))
    if pr and not github:
        raise MetaError("--pr is for an issue on GitHub", "give https://HOST/OWNER/REPO/issues/NUMBER", code=2)
    with writing(HERE, "work", tell) as context:
        if not github:
            from meta.work import work_on

            work_on(context, ticket, repo, base)
            return
        from meta.github.deliver import deliver
        from meta.github.event import work_on_event
        from meta.github.place import issue_place

        draft = draft or context.settings.github.draft
        if event:
            opened = work_on_event(context, event, draft=draft, pr=pr)
        else:
            opened = deliver(context, issue_place(context, ticket), draft=draft, pr=pr)
        if opened:
            say(opened.url)
        if opened and not opened.new:
            raise typer.Exit(NOTHING)


def ingest_feedback(
    source: Annotated[
        list[str] | None, typer.Option(help="A clone, a JSONL export, github or github:OWNER/NAME.")
    ] = None,
    as_json: Annotated[bool, json_option()] = False,
) -> None:
    """Record what happened to the agent's pull requests since last time."""
    from feedback.records import Kind
    from meta.context import writing
    from meta.errors import MetaError
    from meta.ingest import read_all
    from meta.review.text import table
    from meta.shares import shares

    with writing(HERE, "ingest-feedback", tell) as context:
        results = read_all(context, source or [])
        rows = context.store.rows(
            "select kind, cause, count(*) as n from feedback group by kind, cause order by kind, n desc"
        )
        share = shares(context.store)
        if not results:
            tell("no source: name repositories in meta.toml, or give --source PATH")
            raise typer.Exit(NOTHING)
    if as_json:
        out({"sources": [vars(r) for r in results], "outcomes": rows, "rejected": share.model_dump()})
    else:
        for result in results:
            new = ", ".join(f"{n} {kind}" for kind, n in sorted(result.kinds.items()))
            say(f"{result.source}: {new or ('not read' if result.failure else 'nothing new')}")
            for problem in result.problems:
                tell(f"  {problem}")
        if rows:
            counts = [(r["kind"], r["cause"] if Kind(r["kind"]).came_back else "", r["n"]) for r in rows]
            say("\n" + table(counts, ["outcome", "cause", "pull requests"]))
        if share.text:
            say("\n" + share.text)
    if failed := [result.failure for result in results if result.failure]:
        raise MetaError("\n".join(failed))


def replay(
    k: Annotated[int, typer.Option("-k", min=1, help="Replays of each ticket.")] = 1,
    version: Annotated[str, typer.Option(help="Commit or branch of the agent's repository.")] = "HEAD",
    ticket: Annotated[list[str] | None, typer.Option(help="Only these tickets.")] = None,
    as_json: Annotated[bool, json_option()] = False,
) -> None:
    """Measure a version with fresh replays: one-shot success, pass^k, cost."""
    from meta.context import writing
    from meta.measure import measure

    with writing(HERE, "replay", tell) as context:
        result = measure(context, version, k, ticket or [])
    if as_json:
        out(result.data)
    else:
        say(result.text)


def outlook(as_json: Annotated[bool, json_option()] = False) -> None:
    """Before a night spends: what gain today's tickets and budget can show, at what cost, and what would help."""
    from meta.context import writing
    from meta.tune.outlook import outlook as simulate
    from meta.tune.outlook import text

    with writing(HERE, "outlook", tell) as context:
        found = simulate(context)
    if as_json:
        out(found.to_json())
    else:
        say("\n".join(text(found)))
    if not found.tested:
        raise typer.Exit(NOTHING)


def propose(
    new: Annotated[bool, typer.Option(help="Look for new changes even when some are waiting.")] = False,
    review: Annotated[bool, typer.Option(help="Ask about each; without a terminal they stay pending.")] = True,
) -> None:
    """Tune, then review each suggested change: accept, reject or skip."""
    from meta.context import writing
    from meta.review.sitting import sit
    from meta.store.tuning import proposals
    from meta.tune.run import tune

    with writing(HERE, "propose", tell) as context:
        waiting = proposals(context.store, "status = 'pending'")
        early = False
        if new or not waiting:
            early = tune(context).out_of_budget
            waiting = proposals(context.store, "status = 'pending'")
        else:
            tell(f"{len(waiting)} proposals are waiting; `meta propose --new` looks for more")
        sit(context, waiting, ask=review)
        if early:
            raise typer.Exit(BUDGET)
        if not waiting:
            raise typer.Exit(NOTHING)


def selftest(
    nulls: Annotated[int, typer.Option(min=1, help="Edits that change nothing; with --real, at most so many.")] = 200,
    seed: Annotated[int, typer.Option(help="Seed of the simulated worker.")] = 1,
    real: Annotated[bool, typer.Option("--real", help="Real replays of the agent in use on your tickets.")] = False,
    replays: Annotated[int, typer.Option(min=1, help="Most replays that --real may make.")] = 200,
    as_json: Annotated[bool, json_option()] = False,
) -> None:
    """A/A: put edits that change nothing through the real gate, and print how many it keeps."""
    from meta.context import writing
    from meta.selftest import selftest as measure
    from meta.selftest import text

    if real:
        from meta.selftest_real import selftest_real

        with writing(HERE, "selftest", tell) as context:
            found = selftest_real(context, nulls, replays)
    else:
        found = measure(nulls, seed=seed)
    if as_json:
        out(found)
    else:
        say(text(found))


def status(as_json: Annotated[bool, json_option()] = False) -> None:
    """The version in use, its success, tickets, pending proposals, and what it has cost."""
    from meta.status import gather, text

    found = gather(HERE)
    if as_json:
        out(found)
    else:
        say(text(found))
