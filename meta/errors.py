"""Errors that a person caused or can mend. The command line prints them without a traceback."""

from __future__ import annotations


class MetaError(Exception):
    """What happened and where, then what to do about it. `code` is the exit code of the command.

    Codes: 1 failed, 2 usage, 3 nothing to do (or somebody else is doing it), 4 budget reached.
    """

    def __init__(self, message: str, do: str = "", code: int = 1) -> None:
        super().__init__(message)
        self.message, self.do, self.code = message, do, code


class BudgetSpent(MetaError):
    """Time, money or tokens are used up. What runs may end, nothing new begins; the next night goes on from there."""

    def __init__(self, message: str) -> None:
        super().__init__(message, "the next night goes on from here; the limits are in [nightly] of meta.toml", code=4)


class ServiceDown(MetaError):
    """The model's service does not answer, whoever asks. It may later."""
