"""`meta nightly`: one unattended night, and the account of the last one."""

from __future__ import annotations

import os
import re
import sys
import threading
from pathlib import Path
from typing import Annotated

import typer

from meta.output import json_option, say, tell

HERE = Path(".")


def nightly(
    until: Annotated[str, typer.Option(help="Local time at which it must be over, such as 06:00.")] = "",
    account: Annotated[bool, typer.Option("--account", help="Only show the account of the last night.")] = False,
    as_json: Annotated[bool, json_option()] = False,
) -> None:
    """One unattended night within its budget; safe to start twice, goes on where a killed one was."""
    from meta.context import reading, writing
    from meta.errors import MetaError
    from meta.nights.account import newest, page
    from meta.nights.night import nightly as run

    if not re.fullmatch(r"(([01]?\d|2[0-3]):[0-5]\d)?", until):
        raise MetaError(f"{until!r} is no time of the day", "write it as 06:00", code=2)
    if account:
        with reading(HERE, tell) as context:
            found = newest(context)
        if found is None:
            raise MetaError("there was no night yet", "`meta nightly`", code=3)
        say(found.model_dump_json() if as_json else page(found))
        return
    with writing(HERE, "nightly", tell) as context:
        over = run(context, until)
    say(over.account.model_dump_json() if as_json else page(over.account))
    sys.stdout.flush()
    sys.stderr.flush()
    if any(thread.name.startswith("replay") for thread in threading.enumerate()):
        os._exit(over.code)  # replays that were cut off may still wait for a model that nobody needs any more
    raise typer.Exit(over.code)
