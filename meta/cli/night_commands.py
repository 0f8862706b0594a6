"""`meta nightly`: one unattended night, and the account of the last one."""

from __future__ import annotations

import os
import re
import sys
import threading
from pathlib import Path
from typing import Annotated

import typer

from meta.cli.output import make_json_option, print_result, report

HERE = Path(".")


def nightly_command(
    until: Annotated[str, typer.Option(help="Local time at which it must be over, such as 06:00.")] = "",
    account: Annotated[bool, typer.Option("--account", help="Only show the account of the last night.")] = False,
    as_json: Annotated[bool, make_json_option()] = False,
) -> None:
    """One unattended night within its budget; safe to start twice, goes on where a killed one was."""
    from meta.app import open_readonly, open_writable
    from meta.errors import MetaError
    from meta.look.night_page import night_page
    from meta.nights.bookkeeping import find_newest_account
    from meta.nights.night import run_night as run

    if not re.fullmatch(r"(([01]?\d|2[0-3]):[0-5]\d)?", until):
        raise MetaError(f"{until!r} is no time of the day", "write it as 06:00", code=2)
    if account:
        with open_readonly(HERE, report) as app:
            found = find_newest_account(app.store)
        if found is None:
            raise MetaError("there was no night yet", "`meta nightly`", code=3)
        print_result(found.model_dump_json() if as_json else night_page(found))
        return
    with open_writable(HERE, "nightly", report) as app:
        over = run(app.night_parts(until))
    print_result(over.account.model_dump_json() if as_json else night_page(over.account))
    sys.stdout.flush()
    sys.stderr.flush()
    if any(thread.name.startswith("replay") for thread in threading.enumerate()):
        os._exit(over.code)  # replays that were cut off may still wait for a model that nobody needs any more
    raise typer.Exit(over.code)
