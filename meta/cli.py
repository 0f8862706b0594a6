"""`meta`: arguments in, one call, rendering out. Whatever is slow is imported by the command that needs it."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from meta.commands import proposals, tickets, tuning
from meta.commands.output import fail, folder_option

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
tuning.register(app)


@app.callback()
def main_options(folder: Annotated[Path, folder_option()] = Path(".")) -> None:
    if not folder.is_dir():
        raise typer.BadParameter(f"there is no folder {folder}")
    os.chdir(folder)


def main() -> None:
    """The console script. Errors that a person can mend are one message; Ctrl-C loses nothing and exits with 130."""
    from meta.errors import MetaError

    try:
        app()
    except MetaError as error:
        sys.exit(fail(error))
    except KeyboardInterrupt:
        sys.stderr.write("\nstopped; what was finished is kept, and the same command goes on from there\n")
        sys.stderr.flush()
        os._exit(130)  # threads may still wait for a model that nobody needs any more
    except BrokenPipeError:
        os._exit(0)
