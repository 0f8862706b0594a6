"""`meta schedule`: who starts the night."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from meta.cli.output import print_result

if TYPE_CHECKING:
    from meta.nights.schedule.plan import NightlyTimer, ScheduleChange

app = typer.Typer(
    help="Start `meta nightly` by a clock: systemd, cron or GitHub Actions.",
    rich_markup_mode=None,
    no_args_is_help=True,
)
KIND_ARGUMENT = Annotated[str, typer.Argument(help="systemd (makes up for missed nights), cron or github.")]
EXIT_NOTHING = 3


@app.command("install")
def install_schedule_command(
    kind: KIND_ARGUMENT = "systemd",
    at: Annotated[str, typer.Option(help="When it begins: local time, for github UTC.")] = "02:00",
    until: Annotated[str, typer.Option(help="When it must be over; empty: by the settings alone.")] = "06:00",
) -> None:
    """Write the timer, and print what was written. A second time changes nothing, another time of day only that."""
    from meta.nights.schedule import find_schedule

    written = find_schedule(kind).install(_plan(at, until))
    _print(written, "written" if written.changed else "already there")


@app.command("show")
def show_schedule_command() -> None:
    """Print every timer that is installed for this folder."""
    from meta.nights.schedule import SCHEDULE_KINDS, find_schedule

    found = [written for kind in SCHEDULE_KINDS if (written := find_schedule(kind).show(_plan()))]
    for written in found:
        _print(written, "installed")
    if not found:
        print_result("nothing is installed: `meta schedule install`")
        raise typer.Exit(EXIT_NOTHING)


@app.command("remove")
def remove_schedule_command(
    kind: Annotated[str, typer.Argument(help="systemd, cron or github; without it all of them.")] = "",
) -> None:
    """Take away what `install` has written."""
    from meta.nights.schedule import SCHEDULE_KINDS, find_schedule

    removed = [
        written for name in ([kind] if kind else SCHEDULE_KINDS) if (written := find_schedule(name).remove(_plan()))
    ]
    for written in removed:
        _print(written, "removed")
    if not removed:
        print_result("nothing was installed")
        raise typer.Exit(EXIT_NOTHING)


def _plan(at: str = "02:00", until: str = "") -> NightlyTimer:
    from meta.errors import MetaError
    from meta.nights.schedule.plan import NightlyTimer

    for given in filter(None, (at, until)):
        if not re.fullmatch(r"([01]?\d|2[0-3]):[0-5]\d", given):
            raise MetaError(f"{given!r} is no time of the day", "write it as 02:00", code=2)
    return NightlyTimer(Path.cwd().resolve(), at, until)


def _print(written: ScheduleChange, what: str) -> None:
    for where, text in written.texts.items():
        print_result(f"{what}: {where}" + (f"\n\n{text}" if text else ""))
    for note in written.notes:
        print_result(f"note: {note}")
