"""Tells what one commit, message or file causes from what the machine or a service does.

Whoever works through many inputs catches what one of them raises, asks here for the reason, and goes on with the next.
"""

from __future__ import annotations

import errno

from meta.errors import BudgetSpent, MetaError, ServiceDown, hide_cache_paths
from worker_agent.git import GitError, GitKilled
from worker_agent.model import ModelMisconfigured, ModelUnavailable
from worker_agent.sandbox.job import SandboxUnavailable

_BY_CONTENT = frozenset(
    {
        errno.ENOENT,
        errno.ENOTDIR,
        errno.EISDIR,
        errno.EEXIST,
        errno.ENOTEMPTY,
        errno.ENAMETOOLONG,
        errno.ELOOP,
        errno.EILSEQ,
        errno.EINVAL,
        errno.E2BIG,
    }
)
"""What a name or a link in a repository can make the file system say."""

_NOT_BY_CONTENT = (
    BudgetSpent,
    ServiceDown,
    ModelUnavailable,
    ModelMisconfigured,
    SandboxUnavailable,
)
_CRASHES = ("exit code -11", "exit code -6", "exit code -7", "exit code -8")
"""How git ends when it stumbles over an object, not when somebody kills it."""


def why_set_aside(error: Exception) -> str:
    """Return why one input is set aside, on one line.

    Raises the error again if the input cannot have caused it: a full disk, a missing program, a service that does not
    answer, a spent budget.
    """
    if isinstance(error, _NOT_BY_CONTENT):
        raise error
    if isinstance(error, GitKilled):
        if not str(error).endswith(_CRASHES):
            raise error
    elif isinstance(error, OSError) and (error.errno not in _BY_CONTENT or _is_program(error)):
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


def _is_program(error: OSError) -> bool:
    return isinstance(error, FileNotFoundError) and isinstance(error.filename, str) and "/" not in error.filename
