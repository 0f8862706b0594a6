"""A systemd user timer.

`Persistent=true` makes up for a night that was missed because the machine was off.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from meta.nights.schedule.plan import NightlyTimer, ScheduleChange, write_if_changed
from meta.templates import fill_template


class SystemdSchedule:
    """Writes two unit files for the user, and calls `systemctl --user` where it runs."""

    def install(self, plan: NightlyTimer) -> ScheduleChange:
        texts = self._unit_texts(plan)
        changed = [path for path, text in texts.items() if write_if_changed(path, text)]  # each is written
        notes = self._call_systemctl(["daemon-reload"], ["enable", "--now", f"{plan.name}.timer"])
        if not (Path("/var/lib/systemd/linger") / os.environ.get("USER", "root")).exists():
            notes.append("to run while you are logged out, run `loginctl enable-linger`")
        return ScheduleChange({str(path): text for path, text in texts.items()}, tuple(notes), bool(changed))

    def show(self, plan: NightlyTimer) -> ScheduleChange | None:
        found = {str(p): p.read_text("utf-8") for p in self._unit_texts(plan) if p.exists()}
        note = f"to see when it runs next: `systemctl --user list-timers {plan.name}.timer`"
        return ScheduleChange(found, (note,)) if found else None

    def remove(self, plan: NightlyTimer) -> ScheduleChange | None:
        found = [path for path in self._unit_texts(plan) if path.exists()]
        if not found:
            return None
        notes = self._call_systemctl(["disable", "--now", f"{plan.name}.timer"])
        for path in found:
            path.unlink()
        return ScheduleChange({str(path): "" for path in found}, (*notes, *self._call_systemctl(["daemon-reload"])))

    def _unit_texts(self, plan: NightlyTimer) -> dict[Path, str]:
        home = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "systemd" / "user"
        hour, minute = plan.hour_and_minute
        return {
            home / f"{plan.name}.service": fill_template(
                __package__,
                "nightly.service",
                folder=_escape_percent(str(plan.folder)),
                path=_escape_percent(os.environ.get("PATH", "/usr/local/bin:/usr/bin:/bin")),
                command=" ".join(_quote(part) for part in plan.command),
            ),
            home / f"{plan.name}.timer": fill_template(
                __package__, "nightly.timer", folder=_escape_percent(str(plan.folder)), time=f"{hour:02}:{minute:02}"
            ),
        }

    def _call_systemctl(self, *commands: list[str]) -> list[str]:
        """Run these with `systemctl --user`; returns a note for each that did not work."""
        notes = []
        for command in commands:
            line = f"systemctl --user {' '.join(command)}"
            if not (program := shutil.which("systemctl")):
                notes.append(f"this machine has no systemctl; where there is one, run `{line}`")
                continue
            done = subprocess.run([program, "--user", *command], capture_output=True, text=True, check=False)
            if done.returncode:
                words = (done.stderr.strip().splitlines() or ["it failed"])[0]
                notes.append(f"`{line}` did not work here ({words}); run it yourself")
        return notes


def _escape_percent(text: str) -> str:
    return text.replace("%", "%%")


def _quote(part: str) -> str:
    escaped = _escape_percent(part).replace("\\", "\\\\").replace('"', '\\"').replace("$", "$$")
    return f'"{escaped}"' if any(c in part for c in " \t\"'\\;") else escaped
