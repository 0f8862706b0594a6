"""`meta schedule`: who starts the night."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from meta.output import say

if TYPE_CHECKING:
    from meta.nights.schedule import Plan, Written

app = typer.Typer(
    help="Start `meta nightly` by a clock: systemd, cron or GitHub Actions.", rich_markup_mode=None,
    no_args_is_help=True,
)  # fmt: skip
KIND = Annotated[str, typer.Argument(help="systemd (makes up for missed nights), cron or github.")]
NOTHING = 3


@app.command()
def install(
    kind: KIND = "systemd",
    at: Annotated[str, typer.Option(help="When it begins: local time, for github UTC.")] = "02:00",
    until: Annotated[str, typer.Option(help="When it must be over; empty: by the settings alone.")] = "06:00",
) -> None:
    """Write the timer, and print what was written. A second time changes nothing, another time of day only that."""
    from meta.nights.schedule import schedule

    written = schedule(kind).install(_plan(at, until))
    _print(written, "written" if written.changed else "already there")


@app.command()
def show() -> None:
    """Print every timer that is installed for this folder."""
    from meta.nights.schedule import KINDS, schedule

    found = [written for kind in KINDS if (written := schedule(kind).show(_plan()))]
    for written in found:
        _print(written, "installed")
    if not found:
        say("nothing is installed: `meta schedule install`")
        raise typer.Exit(NOTHING)


@app.command()
def remove(kind: Annotated[str, typer.Argument(help="systemd, cron or github; without it all of them.")] = "") -> None:
    """Take away what `install` has written."""
    from meta.nights.schedule import KINDS, schedule

    removed = [written for name in ([kind] if kind else KINDS) if (written := schedule(name).remove(_plan()))]
    for written in removed:
        _print(written, "removed")
    if not removed:
        say("nothing was installed")
        raise typer.Exit(NOTHING)


def _plan(at: str = "02:00", until: str = "") -> Plan:
    from meta.errors import MetaError
    from meta.nights.schedule import Plan

    for given in filter(None, (at, until)):
        if not re.fullmatch(r"([01]?\d|2[0-3]):[0-5]\d", given):
            raise MetaError(f"{given!r} is no time of the day", "write it as 02:00", code=2)
    return Plan(Path.cwd().resolve(), at, until)


def _print(written: Written, what: str) -> None:
    for where, text in written.texts.items():
        say(f"{what}: {where}" + (f"\n\n{text}" if text else ""))
    for note in written.notes:
        say(f"note: {note}")
