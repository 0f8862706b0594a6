"""The commands at the top level: set up, work, feed back, replay, tune, and see where things stand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import typer

from meta.cli.feedback_commands import ingest_feedback_command
from meta.cli.output import EXIT_BUDGET, EXIT_NOTHING, HERE, make_json_option, print_json, print_result, report
from meta.cli.setup_commands import demo_command, doctor_command, init_command
from meta.cli.worker_commands import work_command


def register_commands(app: typer.Typer) -> None:
    """Add these commands in the order in which a newcomer needs them."""
    commands: list[tuple[str, Callable[..., None]]] = [
        ("demo", demo_command),
        ("init", init_command),
        ("doctor", doctor_command),
        ("work", work_command),
        ("ingest-feedback", ingest_feedback_command),
        ("replay", replay_command),
        ("outlook", outlook_command),
        ("propose", propose_command),
        ("selftest", selftest_command),
        ("status", status_command),
    ]
    for name, command in commands:
        app.command(name)(command)


def replay_command(
    k: Annotated[int, typer.Option("-k", min=1, help="Replays of each ticket.")] = 1,
    version: Annotated[str, typer.Option(help="Commit or branch of the agent's repository.")] = "HEAD",
    ticket: Annotated[list[str] | None, typer.Option(help="Only these tickets.")] = None,
    as_json: Annotated[bool, make_json_option()] = False,
) -> None:
    """Measure a version with fresh replays: one-shot success, pass^k, cost."""
    from meta.app import open_writable
    from meta.look.measurement_page import measurement_page
    from meta.measure.measurement import choose_tickets, measure_version

    with open_writable(HERE, "replay", report) as app:
        measured, tickets = app.history.at(version), choose_tickets(app.store.tickets, ticket or [])
        result = measure_version(app.replayer(), measured, tickets, k, report)
    if as_json:
        print_json(result.to_json())
    else:
        print_result(measurement_page(result))


def outlook_command(as_json: Annotated[bool, make_json_option()] = False) -> None:
    """Before a night spends: what gain today's tickets and budget can show, at what cost, and what would help."""
    from meta.app import open_writable
    from meta.look.outlook_page import outlook_page
    from meta.tune.outlook import forecast_night as simulate

    with open_writable(HERE, "outlook", report) as app:
        found = simulate(app.store, app.settings, lambda: app.history.head())
    if as_json:
        print_json(found.to_json())
    else:
        print_result("\n".join(outlook_page(found)))
    if not found.tested:
        raise typer.Exit(EXIT_NOTHING)


def propose_command(
    new: Annotated[bool, typer.Option(help="Look for new changes even when some are waiting.")] = False,
    review: Annotated[bool, typer.Option(help="Ask about each; without a terminal they stay pending.")] = True,
) -> None:
    """Tune, then review each suggested change: accept, reject or skip."""
    from meta.app import open_writable
    from meta.cli.review_session import review_pending
    from meta.nights.tuning import admit_and_tune

    with open_writable(HERE, "propose", report) as app:
        waiting = app.store.proposals.pending()
        early = False
        if new or not waiting:
            early = admit_and_tune(app.context, app.open_tuning).out_of_budget
            waiting = app.store.proposals.pending()
        else:
            report(f"{len(waiting)} proposals are waiting; `meta propose --new` looks for more")
        review_pending(app.context, waiting, ask=review)
        if early:
            raise typer.Exit(EXIT_BUDGET)
        if not waiting:
            raise typer.Exit(EXIT_NOTHING)


def selftest_command(
    nulls: Annotated[int, typer.Option(min=1, help="Edits that change nothing; with --real, at most so many.")] = 200,
    seed: Annotated[int, typer.Option(help="Seed of the simulated worker.")] = 1,
    real: Annotated[bool, typer.Option("--real", help="Real replays of the agent in use on your tickets.")] = False,
    replays: Annotated[int, typer.Option(min=1, help="Most replays that --real may make.")] = 200,
    as_json: Annotated[bool, make_json_option()] = False,
) -> None:
    """A/A: put edits that change nothing through the real gate, and print how many it keeps."""
    from meta.app import open_writable
    from meta.look.measurement_page import selftest_page
    from meta.measure.selftest import run_selftest as measure

    if real:
        from meta.measure.selftest_real import choose_held_out, run_real_selftest

        with open_writable(HERE, "selftest", report) as app:
            tickets = choose_held_out(app.store.tickets, app.settings.tune)
            executor, incumbent = app.executor(app.models()), app.history.head()
            found = run_real_selftest(app.store, executor, app.project, incumbent, tickets, nulls, replays)
    else:
        found = measure(nulls, seed=seed)
    if as_json:
        print_json(found.to_json())
    else:
        print_result(selftest_page(found))


def status_command(as_json: Annotated[bool, make_json_option()] = False) -> None:
    """The version in use, its success, tickets, pending proposals, and what it has cost."""
    from meta.look.status_page import status_page
    from meta.store.summary import read_summary

    found = read_summary(HERE)
    if as_json:
        print_json(found)
    else:
        print_result(status_page(found))
