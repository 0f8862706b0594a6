"""What a timer starts and when, and what every kind of schedule can do."""

from __future__ import annotations

import re
import sys
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from meta.errors import ExitCode, MetaError


@dataclass(frozen=True)
class NightlyTimer:
    """Starts `meta nightly` in `folder` each day at `at`, to be over by `until`.

    Where `until` is empty, only the settings say when it is over.
    """

    folder: Path
    at: str = "02:00"
    until: str = "06:00"

    def __post_init__(self) -> None:
        """Raise `MetaError` where a path would end the line of the timer's file that it stands in."""
        for part in self.command:
            if not part.isprintable():
                raise MetaError(
                    f"a timer cannot start in {part!r}: the name has a line end or a control character",
                    "rename the folder",
                    ExitCode.USAGE,
                )

    @property
    def name(self) -> str:
        """The timer's name: after its folder, which has at most one."""
        readable = re.sub(r"[^a-z0-9]+", "-", self.folder.name.lower()).strip("-") or "agent"
        return f"meta-nightly-{readable}-{zlib.crc32(str(self.folder).encode()):08x}"

    @property
    def command(self) -> list[str]:
        until = ["--until", self.until] if self.until else []
        return [sys.executable, "-m", "meta", "-C", str(self.folder), "nightly", *until]

    @property
    def hour_and_minute(self) -> tuple[int, int]:
        hour, minute = self.at.split(":")
        return int(hour), int(minute)


@dataclass(frozen=True)
class ScheduleChange:
    """The text of each file or table as it is now, and notes on what is left to do."""

    texts: dict[str, str]
    notes: tuple[str, ...] = ()
    changed: bool = True


class Schedule(Protocol):
    """One kind of timer. `show` and `remove` return `None` where it is not installed."""

    def install(self, plan: NightlyTimer) -> ScheduleChange: ...

    def show(self, plan: NightlyTimer) -> ScheduleChange | None: ...

    def remove(self, plan: NightlyTimer) -> ScheduleChange | None: ...


def write_if_changed(path: Path, text: str) -> bool:
    """Write a file unless it already has this text; return whether it changed.

    Raises `MetaError`, which names the path.
    """
    try:
        if path.exists() and path.read_text("utf-8") == text:
            return False
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    except OSError as error:
        raise MetaError(f"{path}: {error.strerror}", "check that you can write to this folder") from None
    return True
