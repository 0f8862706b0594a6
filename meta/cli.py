"""`meta`: arguments in, one call, rendering out. Whatever is slow is imported by the command that needs it."""

from __future__ import annotations

import atexit
import os
import signal
import sys
from pathlib import Path
from typing import Annotated

import typer

from meta.commands import feedback, nightly, proposals, schedule, tickets, tuning
from meta.output import fail, folder_option

app = typer.Typer(
    name="meta",
    help="Makes a team's coding agent better every night; keeps only what replays of past tickets show to be better.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.add_typer(tickets.app, name="tickets")
app.add_typer(proposals.app, name="proposals")
app.add_typer(feedback.app, name="feedback")
app.add_typer(schedule.app, name="schedule")
tuning.register(app)
app.command("nightly")(nightly.nightly)


@app.callback()
def main_options(folder: Annotated[Path, folder_option()] = Path(".")) -> None:
    if not folder.is_dir():
        raise typer.BadParameter(f"there is no folder {folder}")
    os.chdir(folder)


class Interrupted(BaseException):
    """Ctrl-C or SIGTERM. Not `KeyboardInterrupt`, which typer would answer itself, and then wait for all threads."""


STOPS = (signal.SIGINT, signal.SIGTERM)


def _at_once(code: int) -> None:
    """From here on, being told to stop means to leave at once with this exit code."""
    for number in STOPS:
        signal.signal(number, lambda number, frame: os._exit(code))


def _interrupt(number: int, frame: object) -> None:
    _at_once(130)  # who says it twice does not wait for the clearing up; the next start does that
    raise Interrupted


def _ignore_stops() -> None:
    for number in STOPS:
        signal.signal(number, signal.SIG_IGN)


def main() -> None:
    """The console script. Ctrl-C and SIGTERM lose nothing and exit with 130; once the work is over, with its code."""
    for number in STOPS:
        signal.signal(number, _interrupt)
    try:
        code = answered()
        sys.stdout.flush()
        _at_once(code)
    except Interrupted:
        sys.stderr.write("\nstopped; what was finished is kept, and the same command goes on from there\n")
        sys.stderr.flush()
        os._exit(130)  # threads may still wait for a model that nobody needs any more
    except BrokenPipeError:
        os._exit(0)
    # Python takes its handlers away before it ends, and a signal would then kill it: the last moments pass undisturbed.
    atexit.register(_ignore_stops)
    sys.exit(code)


def answered() -> int:
    """One command from `sys.argv`: its exit code. Errors that a person can mend are one message."""
    from meta.errors import MetaError

    try:
        app(prog_name="meta")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except MetaError as error:
        return fail(error)
    except BrokenPipeError:
        raise
    except Exception as error:
        from meta.trouble import explained

        if (known := explained(error)) is None:
            raise
        return fail(known)
    return 0
