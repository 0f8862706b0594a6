"""Starting the night by a clock: systemd, cron or GitHub Actions. Each can be installed twice, shown and removed."""

from __future__ import annotations

from meta.errors import MetaError
from meta.nights.schedule.plan import Schedule


def find_schedule(kind: str) -> Schedule:
    """The schedule of that name. Raises `MetaError`."""
    if kind == "systemd":
        from meta.nights.schedule.systemd import SystemdSchedule

        return SystemdSchedule()
    if kind == "cron":
        from meta.nights.schedule.cron import CronSchedule

        return CronSchedule()
    if kind == "github":
        from meta.nights.schedule.actions import ActionsSchedule

        return ActionsSchedule()
    raise MetaError(f"there is no schedule {kind!r}", "systemd, cron or github", code=2)


SCHEDULE_KINDS = ("systemd", "cron", "github")
