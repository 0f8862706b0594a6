"""`meta`: arguments in, one call, rendering out. Whatever is slow is imported by the command that needs it."""

from __future__ import annotations

import atexit
import os
import signal
import sys
from pathlib import Path
from typing import Annotated

import typer

from meta.cli import (
    feedback_commands,
    night_commands,
    proposal_commands,
    schedule_commands,
    ticket_commands,
    tuning_commands,
)
from meta.cli.output import make_folder_option, print_error

app = typer.Typer(
    name="meta",
    help="Makes a team's coding agent better every night; keeps only what replays of past tickets show to be better.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.add_typer(ticket_commands.app, name="tickets")
app.add_typer(proposal_commands.app, name="proposals")
app.add_typer(feedback_commands.app, name="feedback")
app.add_typer(schedule_commands.app, name="schedule")
tuning_commands.register_commands(app)
app.command("nightly")(night_commands.nightly_command)


@app.callback()
def enter_folder(folder: Annotated[Path, make_folder_option()] = Path(".")) -> None:
    if not folder.is_dir():
        raise typer.BadParameter(f"there is no folder {folder}")
    os.chdir(folder)


class Interruption(BaseException):
    """Ctrl-C or SIGTERM. Not `KeyboardInterrupt`, which typer would answer itself, and then wait for all threads."""


STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def exit_immediately(code: int) -> None:
    """From here on, being told to stop means to leave at once with this exit code."""
    for number in STOP_SIGNALS:
        signal.signal(number, lambda number, frame: os._exit(code))


def _interrupt(number: int, frame: object) -> None:
    exit_immediately(130)  # who says it twice does not wait for the clearing up; the next start does that
    raise Interruption


def _ignore_stops() -> None:
    for number in STOP_SIGNALS:
        signal.signal(number, signal.SIG_IGN)


def main() -> None:
    """The console script. Ctrl-C and SIGTERM lose nothing and exit with 130; once the work is over, with its code."""
    for number in STOP_SIGNALS:
        signal.signal(number, _interrupt)
    try:
        code = run_command_line()
        sys.stdout.flush()
        exit_immediately(code)
    except Interruption:
        sys.stderr.write("\nstopped; what was finished is kept, and the same command goes on from there\n")
        sys.stderr.flush()
        os._exit(130)  # threads may still wait for a model that nobody needs any more
    except BrokenPipeError:
        os._exit(0)
    # Python takes its handlers away before it ends, and a signal would then kill it: the last moments pass undisturbed.
    atexit.register(_ignore_stops)
    sys.exit(code)


def run_command_line() -> int:
    """One command from `sys.argv`: its exit code. Errors that a person can mend are one message."""
    from meta.errors import MetaError

    try:
        app(prog_name="meta")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except MetaError as error:
        return print_error(error)
    except BrokenPipeError:
        raise
    except Exception as error:
        from meta.error_messages import explain_error

        if (known := explain_error(error)) is None:
            raise
        return print_error(known)
    return 0
