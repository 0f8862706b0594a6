"""Explains errors of the leaves, the disk and the database to a person."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from meta.errors import MetaError


def explain_error(error: Exception, database: Path = Path("runs.db")) -> MetaError | None:
    """Return the error as a message with a remedy, or `None` for a bug."""
    from feedback.problems import FeedbackError
    from worker_agent.git import GitError
    from worker_agent.model import ModelMisconfigured
    from worker_agent.sandbox.job import SandboxUnavailable
    from worker_agent.surface import BadSurface

    if isinstance(error, MetaError):
        return error
    if isinstance(error, sqlite3.Error):
        from meta.store.database import explain_database_error

        return explain_database_error(error, database)
    if isinstance(error, BadSurface):
        return MetaError(f"cannot load the agent: {error}", "fix the file and commit it; meta uses HEAD")
    if isinstance(error, ModelMisconfigured):
        from meta.gateway.models import explain_service_error

        return explain_service_error(error)
    if isinstance(error, SandboxUnavailable):
        return MetaError(error.message, error.remedy)
    if isinstance(error, FeedbackError | GitError):
        return MetaError(str(error))
    if isinstance(error, OSError):
        words = f"{error.filename or ''}: {error.strerror}".lstrip(": ") if error.strerror else str(error)
        return MetaError(words, "check that the path exists and that the disk has space")
    return None
