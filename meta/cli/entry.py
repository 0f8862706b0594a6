"""Runs one command of `meta`, and ends the process with its exit code."""

from __future__ import annotations

import atexit
import os
import signal
import sys
from pathlib import Path
from typing import Annotated

import typer

from meta.cli.command_group import TopGroup
from meta.cli.options import remember_start
from meta.cli.output import print_bug, print_error
from meta.errors import ExitCode, MetaError

app = typer.Typer(
    name="meta",
    cls=TopGroup,
    help="Improve your coding agent every night, and keep only what replays prove.",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"meta {version('meta-worker')}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def enter_folder(
    context: typer.Context,
    folder: Annotated[
        Path, typer.Option("--folder", "-C", metavar="PATH", help="Folder with meta.toml and runs.db.")
    ] = Path("."),
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_print_version, help="Print the version.")
    ] = False,
) -> None:
    if not folder.is_dir():
        raise typer.BadParameter(f"there is no folder {folder}")
    remember_start(context)
    os.chdir(folder)
    if context.invoked_subcommand is None:
        from meta.cli.status_commands import print_overview

        print_overview()


class Interruption(BaseException):
    """Ctrl-C or SIGTERM.

    Not `KeyboardInterrupt`: typer would answer that itself, and then wait for all threads.
    """


STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def exit_immediately(code: int) -> None:
    """Leave at once with this exit code when told to stop from here on."""
    for number in STOP_SIGNALS:
        signal.signal(number, lambda number, frame: os._exit(code))


def _interrupt(number: int, frame: object) -> None:

    exit_immediately(ExitCode.STOPPED)  # a second signal does not wait for the cleanup; the next start does that
    raise Interruption


def _ignore_stops() -> None:
    for number in STOP_SIGNALS:
        signal.signal(number, signal.SIG_IGN)


def main() -> None:
    """Run the console script.

    Ctrl-C and SIGTERM lose nothing and exit with 130, or with the command's own code if its work was done.
    """
    sys.excepthook = print_bug
    for number in STOP_SIGNALS:
        signal.signal(number, _interrupt)
    try:
        code = run_command_line()
        sys.stdout.flush()
        exit_immediately(code)
    except Interruption:
        sys.stderr.write("\nstopped; finished replays are kept, and the same command resumes\n")
        sys.stderr.flush()
        os._exit(ExitCode.STOPPED)  # threads may still wait for a model that nobody needs any more
    except BrokenPipeError:
        os._exit(0)
    # Python takes its handlers away before it ends, and a signal would then kill it: its last moments are undisturbed.
    atexit.register(_ignore_stops)
    sys.exit(code)


def run_command_line() -> int:
    """Run the command in `sys.argv` and return its exit code.

    An error that a person can act on is printed as one message.
    """

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
