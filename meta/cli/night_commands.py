"""`meta nightly` and `meta nights`: one unattended night, and what past ones did."""

from __future__ import annotations

import os
import re
import sys
import threading
from typing import TYPE_CHECKING, Annotated

import typer

from meta.cli.command_group import make_group
from meta.cli.options import HERE, JSON_OPTION, UNTIL_OPTION
from meta.cli.output import print_json, print_result, report
from meta.errors import ExitCode, MetaError

if TYPE_CHECKING:
    from meta.records.account import Account

group = make_group("Show what past nights did and cost.\n\nWithout a command, it lists them.")


def nightly_command(
    until: UNTIL_OPTION = "",
    account: Annotated[bool, typer.Option("--account", hidden=True)] = False,
    as_json: JSON_OPTION = False,
) -> None:
    """Run one unattended night, or resume it.

    It keeps to the budget of meta.toml, and starting it twice does no harm. `meta nights show` prints its report
    again.
    """
    from meta.app import open_writable
    from meta.nights.night import run_night

    if account:  # the old name of `meta nights show`
        show_night_command(None, as_json)
        return
    if until:
        check_time_of_day(until)
    with open_writable(HERE, "nightly", report) as app:
        end = run_night(app.night_parts(until))
    _print_account(end.account, as_json)
    sys.stdout.flush()
    sys.stderr.flush()
    if any(thread.name.startswith("replay") for thread in threading.enumerate()):
        os._exit(end.code)  # replays that were cut off may still wait for a model that nobody needs any more
    raise typer.Exit(end.code)


@group.callback(invoke_without_command=True)
def nights_command(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        list_nights_command()


@group.command("list")
def list_nights_command(as_json: JSON_OPTION = False) -> None:
    """List all nights, the last one at the end."""
    from meta.app import open_readonly
    from meta.look.night_page import night_table

    with open_readonly(HERE) as app:
        nights = app.store.nights.entries()
    if as_json:
        print_json([night.model_dump() for night in nights])
    else:
        print_result(night_table(nights) if nights else "no night has run yet; run `meta nightly`")


@group.command("show")
def show_night_command(
    number: Annotated[
        int | None, typer.Argument(metavar="NUMBER", help="Number of the night; default: the last.")
    ] = None,
    as_json: JSON_OPTION = False,
) -> None:
    """Show what one night did, kept and cost."""
    from meta.app import open_readonly
    from meta.nights.bookkeeping import find_newest_account, gather_account

    with open_readonly(HERE, report) as app:
        if number is None:
            found = find_newest_account(app.store)
        elif app.store.nights.started_at(number):
            found = gather_account(app.store, number)
        else:
            raise MetaError(f"there is no night {number}", "see `meta nights`", ExitCode.USAGE)
    if found is None:
        raise MetaError("no night has run yet", "run `meta nightly`", ExitCode.NOTHING_TO_DO)
    _print_account(found, as_json)


def _print_account(account: Account, as_json: bool) -> None:
    from meta.look.night_page import night_page

    if as_json:
        print_json(account.model_dump(mode="json"))
    else:
        print_result(night_page(account))


def check_time_of_day(text: str) -> None:
    """Raise `MetaError` (exit code 2) unless the text is a time such as 06:00."""
    if not re.fullmatch(r"([01]?\d|2[0-3]):[0-5]\d", text):
        raise MetaError(f"{text!r} is not a time of day", "write it like 06:00", ExitCode.USAGE)
