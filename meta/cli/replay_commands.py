"""`meta replay`: measure a version with fresh replays, and look at a single one."""

from __future__ import annotations

from typing import Annotated

import typer

from meta.cli.command_group import make_group
from meta.cli.options import HERE, JSON_OPTION
from meta.cli.output import print_json, print_result, report

group = make_group("Measure a version of the agent on your tickets.")


@group.callback(invoke_without_command=True)
def replay_command(
    context: typer.Context,
    k: Annotated[int, typer.Option("-k", min=1, metavar="NUMBER", help="Replays of each ticket.")] = 1,
    version: Annotated[
        str, typer.Option(metavar="COMMIT", help="Commit or branch of the agent's repository.")
    ] = "HEAD",
    ticket: Annotated[list[str] | None, typer.Option(metavar="ID", help="Only this ticket; can be repeated.")] = None,
    as_json: JSON_OPTION = False,
) -> None:
    """Measure a version of the agent on your tickets.

    It runs fresh replays, and prints one-shot success, pass^k and cost.
    """
    if context.invoked_subcommand is not None:
        return
    from meta.app import open_writable
    from meta.look.measurement_page import measurement_page
    from meta.measure.measurement import choose_tickets, measure_version

    with open_writable(HERE, "replay", report) as app:
        measured_version, tickets = app.history.at(version), choose_tickets(app.store.tickets, ticket or [])
        measured = measure_version(app.replayer(), measured_version, tickets, k, report)
    if as_json:
        print_json(measured.to_json())
    else:
        print_result(measurement_page(measured))


@group.command("show")
def show_replay_command(
    replay: Annotated[str, typer.Argument(metavar="ID", help="Id of the replay, or its first characters.")],
    as_json: JSON_OPTION = False,
) -> None:
    """Show one replay: verdict, reason and transcript."""
    from meta.app import open_readonly
    from meta.look.replay_page import replay_page

    with open_readonly(HERE) as app:
        found = app.store.replays.find(replay)
        transcript = app.store.transcripts.of_replay(found.id)
    if as_json:
        print_json({**found.model_dump(mode="json"), "transcript": transcript})
    else:
        print_result(replay_page(found, transcript))
