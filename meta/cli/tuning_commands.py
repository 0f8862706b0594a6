"""The commands that improve the agent, and measure what the gate can tell."""

from __future__ import annotations

from typing import Annotated

import typer

from meta.cli.options import HERE, JSON_OPTION, SEED_OPTION
from meta.cli.output import print_json, print_result, report
from meta.errors import ExitCode, MetaError


def outlook_command(as_json: JSON_OPTION = False) -> None:
    """Estimate what tonight's budget can detect.

    It shows which gains today's tickets would reveal, at what cost, and what would help. It runs no replay.
    """
    from meta.app import open_writable
    from meta.look.outlook_page import outlook_page
    from meta.tune.outlook import forecast_night

    with open_writable(HERE, "outlook", report) as app:
        found = forecast_night(app.store, app.settings, lambda: app.history.head())
    if as_json:
        print_json(found.to_json())
    else:
        print_result("\n".join(outlook_page(found)))
    if not found.tested:
        raise typer.Exit(ExitCode.NOTHING_TO_DO)


def propose_command(
    new: Annotated[bool, typer.Option(help="Look for more, even if some are pending.")] = False,
    review: Annotated[bool, typer.Option(help="Ask about each; without a terminal they stay pending.")] = True,
) -> None:
    """Tune the agent, then review each proposal.

    If proposals are pending, it goes straight to the review.
    """
    from meta.app import open_writable
    from meta.cli.review_session import review_pending
    from meta.nights.tuning import admit_and_tune

    with open_writable(HERE, "propose", report) as app:
        waiting = app.store.proposals.pending()
        early = False
        if new or not waiting:
            early = admit_and_tune(app.project, app.store, app.workshop, app.history, app.open_tuning).out_of_budget
            waiting = app.store.proposals.pending()
        else:
            report(f"{len(waiting)} proposals are pending; `meta propose --new` looks for more")
        review_pending(app, waiting, ask=review)
    if early:
        raise typer.Exit(ExitCode.BUDGET_REACHED)
    if not waiting:
        raise typer.Exit(ExitCode.NOTHING_TO_DO)


def selftest_command(
    nulls: Annotated[int, typer.Option(min=1, metavar="NUMBER", help="Number of no-op edits to test.")] = 200,
    seed: SEED_OPTION = 1,
    real: Annotated[bool, typer.Option("--real", help="Use real replays of your agent on your tickets.")] = False,
    replays: Annotated[
        int, typer.Option(min=1, metavar="NUMBER", help="Run at most this many replays with --real.")
    ] = 200,
    hide: Annotated[
        list[float] | None,
        typer.Option(
            min=0,
            max=1,
            metavar="SHARE",
            help="Share of failures that edits also hide; can be repeated.",
            show_default="0.3, 0.6, 1",
        ),
    ] = None,
    as_json: JSON_OPTION = False,
) -> None:
    """Measure the gate's false-accept rate.

    It puts edits that change nothing through the real gate and counts how many are kept (an A/A test). The worker is
    simulated, unless --real is given: then as many no-op edits are tested as --replays allows.

    With the simulated worker, such edits are tested again that hide a share of their failures as void replays. That
    must not help them.
    """
    from meta.app import open_writable
    from meta.look.measurement_page import selftest_page
    from meta.measure.selftest import HIDDEN_SHARES, run_selftest

    if real and hide:
        raise MetaError("--hide is for the simulated worker", "leave out --real or --hide", ExitCode.USAGE)
    if real:
        from meta.measure.selftest_real import choose_held_out, run_real_selftest

        with open_writable(HERE, "selftest", report) as app:
            tickets = choose_held_out(app.store.tickets, app.settings.tune)
            executor, incumbent = app.executor(app.models()), app.history.head()
            found = run_real_selftest(app.store, executor, app.project, incumbent, tickets, nulls, replays)
    else:
        found = run_selftest(nulls, seed=seed, hide=hide or HIDDEN_SHARES)
    if as_json:
        print_json(found.to_json())
    else:
        print_result(selftest_page(found))
