"""A line in the user's crontab, between two markers; the rest stays as it is."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess

from meta.errors import MetaError
from meta.nights.schedule.plan import NightlyTimer, ScheduleChange

CRONTAB_NAME = "crontab"


class CronSchedule:
    """Reads the crontab, changes it, and writes it back.

    Cron does not make up for nights when the machine was off.
    """

    def install(self, plan: NightlyTimer) -> ScheduleChange:
        block = _block(plan)
        if not shutil.which("crontab"):
            return ScheduleChange(
                {CRONTAB_NAME: block}, ("this machine has no crontab program; add these lines where there is one",)
            )
        before = _read_table()
        after = _without(before, plan) + block
        if after != before:
            _write_table(after)
        note = "set keys and addresses in the crontab above these lines, or in ~/.profile and use `bash -lc`"
        return ScheduleChange({CRONTAB_NAME: block}, (note,), changed=after != before)

    def show(self, plan: NightlyTimer) -> ScheduleChange | None:
        if not shutil.which("crontab"):
            return None
        begin, end = _markers(plan)
        _, found, rest = _read_table().partition(f"{begin}\n")
        return ScheduleChange({CRONTAB_NAME: begin + "\n" + rest.partition(end)[0] + end + "\n"}) if found else None

    def remove(self, plan: NightlyTimer) -> ScheduleChange | None:
        if not shutil.which("crontab"):
            return None
        before = _read_table()
        after = _without(before, plan)
        if after == before:
            return None
        _write_table(after)
        return ScheduleChange({CRONTAB_NAME: ""})


def _markers(plan: NightlyTimer) -> tuple[str, str]:
    return f"# begin {plan.name} (written by `meta schedule install`)", f"# end {plan.name}"


def _block(plan: NightlyTimer) -> str:
    begin, end = _markers(plan)
    hour, minute = plan.hour_and_minute
    command = shlex.join(plan.command).replace("%", "\\%")  # cron reads a bare % as a new line
    return f"{begin}\n{minute} {hour} * * * {command}\n{end}\n"


def _without(table: str, plan: NightlyTimer) -> str:
    begin, end = _markers(plan)
    head, found, rest = table.partition(f"{begin}\n")
    if not found:
        return table + ("\n" if table and not table.endswith("\n") else "")
    return head + rest.partition(f"{end}\n")[2]


def _read_table() -> str:
    done = subprocess.run(
        ["crontab", "-l"], capture_output=True, text=True, check=False, env={**os.environ, "LC_ALL": "C"}
    )
    if done.returncode and "no crontab" not in done.stderr:
        raise MetaError(f"`crontab -l` failed: {done.stderr.strip()}", "nothing was changed")
    return "" if done.returncode else done.stdout


def _write_table(table: str) -> None:
    done = subprocess.run(["crontab", "-"], input=table, capture_output=True, text=True, check=False)
    if done.returncode:
        raise MetaError(f"`crontab -` refused the table: {done.stderr.strip()}", "the old table is unchanged")
