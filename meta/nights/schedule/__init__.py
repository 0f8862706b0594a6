"""Run `meta nightly` on a timer: systemd, cron or GitHub Actions.

`plan` says what is to be started and when, and what a `Schedule` does: install, show and remove. Installing twice
changes nothing, and each leaves alone what it did not write. `systemd`, `cron` and `actions` write their own files or
lines, and return the text of each, for the command line to print.

To add a timer: write a class with these three methods in a module of its own, and add it to `find_schedule` and
`SCHEDULE_KINDS`.
"""

from __future__ import annotations

from meta.errors import ExitCode, MetaError
from meta.nights.schedule.plan import Schedule


def find_schedule(kind: str) -> Schedule:
    """Return the schedule of that name. Raises `MetaError` where there is none."""
    if kind == "systemd":
        from meta.nights.schedule.systemd import SystemdSchedule

        return SystemdSchedule()
    if kind == "cron":
        from meta.nights.schedule.cron import CronSchedule

        return CronSchedule()
    if kind == "github":
        from meta.nights.schedule.actions import ActionsSchedule

        return ActionsSchedule()
    raise MetaError(f"unknown kind of schedule: {kind!r}", "choose systemd, cron or github", ExitCode.USAGE)


SCHEDULE_KINDS = ("systemd", "cron", "github")
