"""`meta`: arguments in, one call, rendering out. Whatever is slow is imported by the command that needs it."""

from __future__ import annotations

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


def _interrupt(number: int, frame: object) -> None:
    raise Interrupted


def main() -> None:
    """The console script. Errors that a person can mend are one message; Ctrl-C loses nothing and exits with 130."""
    from meta.errors import MetaError

    before = {number: signal.signal(number, _interrupt) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        app(prog_name="meta")
    except MetaError as error:
        sys.exit(fail(error))
    except Interrupted:
        sys.stderr.write("\nstopped; what was finished is kept, and the same command goes on from there\n")
        sys.stderr.flush()
        os._exit(130)  # threads may still wait for a model that nobody needs any more
    except BrokenPipeError:
        os._exit(0)
    except Exception as error:
        from meta.trouble import explained

        if (known := explained(error)) is None:
            raise
        sys.exit(fail(known))
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
