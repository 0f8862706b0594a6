"""Errors that a person can act on, and the exit codes.

The command line prints these errors without a traceback.
"""

from __future__ import annotations

import re
from enum import IntEnum

_CACHE_PATH = re.compile(
    r"""'[^'\n]*/\.meta/[^'\n]*'|(?:[^\s'"`]*/)?\.meta/[^\s'"`,;:)]*|/dev/shm/meta-[^\s'"`,;:)]*"""
)


class ExitCode(IntEnum):
    """The exit status of a command."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    NOTHING_TO_DO = 3
    """There was nothing to do, or another `meta` is already doing it."""
    BUDGET_REACHED = 4
    STOPPED = 130


def hide_cache_paths(text: str) -> str:
    """Return the text without paths in the cache: they tell a person nothing, and may be gone by now."""
    return _CACHE_PATH.sub("meta's cache", text)


class MetaError(Exception):
    """An error that says what happened and where, and how to fix it.

    The message names the ticket, commit or file that it is about, but no path in the cache. `code` is the exit code
    of the command that it ends.
    """

    def __init__(self, message: str, remedy: str = "", code: int = ExitCode.FAILED) -> None:
        self.message, self.remedy, self.code = hide_cache_paths(message), remedy, code
        super().__init__(self.message)


class BudgetSpent(MetaError):
    """Time, money or tokens are used up; running work may finish, but none starts."""

    def __init__(self, message: str) -> None:
        super().__init__(
            message,
            "the next night continues from here; the limits are in [nightly] in meta.toml",
            ExitCode.BUDGET_REACHED,
        )


class ServiceDown(MetaError):
    """The model service does not answer; it may later."""
