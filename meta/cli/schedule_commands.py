"""`meta schedule`: what starts the night."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from meta.cli.command_group import make_group
from meta.cli.night_commands import check_time_of_day
from meta.cli.options import UNTIL_OPTION
from meta.cli.output import print_result
from meta.errors import ExitCode

if TYPE_CHECKING:
    from meta.nights.schedule.plan import NightlyTimer, ScheduleChange

group = make_group("Run `meta nightly` on a timer.", needs_command=True)
KIND_ARGUMENT = Annotated[str, typer.Argument(metavar="KIND", help="systemd, cron or github.")]


@group.command("install")
def install_schedule_command(
    kind: KIND_ARGUMENT = "systemd",
    at: Annotated[str, typer.Option(metavar="HH:MM", help="Local time to start at; UTC for github.")] = "02:00",
    until: UNTIL_OPTION = "06:00",
) -> None:
    """Install the timer, and print what was written.

    systemd makes up for nights in which the machine was off; cron does not. Installing it again changes only the times.
    With an empty --until, `nightly.until` of meta.toml applies, if it is set.
    """
    from meta.nights.schedule import find_schedule

    written = find_schedule(kind).install(_plan(at, until))
    _print(written, "written" if written.changed else "already there")


@group.command("show")
def show_schedule_command() -> None:
    """Show every timer that is installed for this folder."""
    from meta.nights.schedule import SCHEDULE_KINDS, find_schedule

    found = [written for kind in SCHEDULE_KINDS if (written := find_schedule(kind).show(_plan()))]
    for written in found:
        _print(written, "installed")
    if not found:
        print_result("no timer is installed; run `meta schedule install`")
        raise typer.Exit(ExitCode.NOTHING_TO_DO)


@group.command("remove")
def remove_schedule_command(kind: KIND_ARGUMENT = "") -> None:
    """Remove the timer of one kind, or all of them."""
    from meta.nights.schedule import SCHEDULE_KINDS, find_schedule

    removed = [
        written for name in ([kind] if kind else SCHEDULE_KINDS) if (written := find_schedule(name).remove(_plan()))
    ]
    for written in removed:
        _print(written, "removed")
    if not removed:
        print_result("no timer was installed")
        raise typer.Exit(ExitCode.NOTHING_TO_DO)


def _plan(at: str = "02:00", until: str = "") -> NightlyTimer:
    from meta.nights.schedule.plan import NightlyTimer

    for given in (at, *([until] if until else [])):
        check_time_of_day(given)
    return NightlyTimer(Path.cwd().resolve(), at, until)


def _print(written: ScheduleChange, what: str) -> None:
    for where, text in written.texts.items():
        print_result(f"{what}: {where}" + (f"\n\n{text}" if text else ""))
    for note in written.notes:
        print_result(f"note: {note}")
