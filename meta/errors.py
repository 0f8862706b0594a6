"""Errors that a person can do something about, and the exit codes. The command line prints them without a traceback."""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """How a command ended, for whoever started it."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    NOTHING_TO_DO = 3
    """There was nothing to do, or another `meta` is doing it."""
    BUDGET_REACHED = 4
    STOPPED = 130


class MetaError(Exception):
    """What happened and where, and what to do about it. `code` is the exit code of the command that it ends."""

    def __init__(self, message: str, remedy: str = "", code: int = ExitCode.FAILED) -> None:
        super().__init__(message)
        self.message, self.remedy, self.code = message, remedy, code


class BudgetSpent(MetaError):
    """Time, money or tokens are used up. What is running may end, but nothing new begins."""

    def __init__(self, message: str) -> None:
        super().__init__(
            message,
            "the next night continues from here; the limits are in [nightly] of meta.toml",
            ExitCode.BUDGET_REACHED,
        )


class ServiceDown(MetaError):
    """The model service answers nobody. It may answer later."""
