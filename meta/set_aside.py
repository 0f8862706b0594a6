"""Tells what one commit, message or file causes from what the machine or a service does.

Whoever works through many inputs catches what one of them raises, asks here for the reason, and goes on with the next.
"""

from __future__ import annotations

from meta.errors import BudgetSpent, MetaError, ServiceDown, hide_cache_paths
from worker_agent.git import GitError
from worker_agent.machine_error import is_machine_error
from worker_agent.model import ModelMisconfigured, ModelUnavailable
from worker_agent.sandbox.job import SandboxUnavailable

_NOT_BY_CONTENT = (
    BudgetSpent,
    ServiceDown,
    ModelUnavailable,
    ModelMisconfigured,
    SandboxUnavailable,
)


def why_set_aside(error: Exception) -> str:
    """Return why one input is set aside, on one line.

    Raises the error again if the input cannot have caused it: a full disk, a missing program, a service that does not
    answer, a spent budget.
    """
    if isinstance(error, _NOT_BY_CONTENT) or is_machine_error(error) or _is_program_missing(error):
        raise error
    if isinstance(error, MetaError):
        text = error.message
    elif isinstance(error, GitError | OSError):
        text = f"it cannot be read: {error}"
    else:
        text = f"it cannot be read: {type(error).__name__}: {error}"
    return quote_bytes(" ".join(hide_cache_paths(text).split()))[:500]


def quote_bytes(text: str) -> str:
    """Return the text with what is not UTF-8 spelled out, as in `caf\\xe9.txt`."""
    try:
        return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    except UnicodeEncodeError:  # surrogates that no byte became
        return text.encode("utf-8", "backslashreplace").decode("utf-8")


def _is_program_missing(error: Exception) -> bool:
    return isinstance(error, FileNotFoundError) and isinstance(error.filename, str) and "/" not in error.filename
