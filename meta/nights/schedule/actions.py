"""A GitHub Actions workflow in the agent's repository.

Its cache carries runs.db from night to night.
"""

from __future__ import annotations

from pathlib import Path

from meta.nights.schedule.plan import NightlyTimer, ScheduleChange, write_if_changed
from meta.templates import fill_template


class ActionsSchedule:
    """Writes one workflow file; committing and pushing it is left to a person."""

    def install(self, plan: NightlyTimer) -> ScheduleChange:
        hour, minute = plan.hour_and_minute
        path, text = _workflow_path(plan), fill_template(__package__, "meta-nightly.yml", hour=hour, minute=minute)
        changed = write_if_changed(path, text)
        notes = (
            "commit and push it; its times are UTC",
            "set the variable META_PACKAGE to what pip installs as meta, such as git+https://...@COMMIT",
            "add the secret ANTHROPIC_API_KEY, and META_WEBHOOK if you want the report sent",
            "the repositories in meta.toml must be there too: add steps that check them out",
        )
        return ScheduleChange({str(path): text}, notes, changed)

    def show(self, plan: NightlyTimer) -> ScheduleChange | None:
        path = _workflow_path(plan)
        return ScheduleChange({str(path): path.read_text("utf-8")}) if path.exists() else None

    def remove(self, plan: NightlyTimer) -> ScheduleChange | None:
        path = _workflow_path(plan)
        if not path.exists():
            return None
        path.unlink()
        return ScheduleChange({str(path): ""}, ("commit and push the removal",))


def _workflow_path(plan: NightlyTimer) -> Path:
    return plan.folder / ".github" / "workflows" / "meta-nightly.yml"
