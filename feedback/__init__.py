"""What reviewers did with the agent's pull requests. A leaf: it knows neither `meta` nor `worker_agent`.

Names are loaded when first used, so that importing this package costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from feedback.causes import assign_cause as assign_cause
    from feedback.errors import FeedbackError as FeedbackError
    from feedback.github import Access as Access
    from feedback.github import GitHub as GitHub
    from feedback.identity import AgentIdentity as AgentIdentity
    from feedback.jsonl import JsonlExport as JsonlExport
    from feedback.jsonl import write_line as write_line
    from feedback.plain_git import PlainGit as PlainGit
    from feedback.plain_git import has_pulls as has_pulls
    from feedback.problems import Problem as Problem
    from feedback.records import AGENT_CAUSES as AGENT_CAUSES
    from feedback.records import Cause as Cause
    from feedback.records import Comment as Comment
    from feedback.records import Diff as Diff
    from feedback.records import Evidence as Evidence
    from feedback.records import Kind as Kind
    from feedback.records import Outcome as Outcome
    from feedback.source import Cursor as Cursor
    from feedback.source import FeedbackSource as FeedbackSource
    from feedback.words import clean as clean
    from feedback.words import quote as quote

_HOMES = {
    "Access": "github",
    "GitHub": "github",
    "assign_cause": "causes",
    "FeedbackError": "errors",
    "AgentIdentity": "identity",
    "JsonlExport": "jsonl",
    "Problem": "problems",
    "write_line": "jsonl",
    "PlainGit": "plain_git",
    "has_pulls": "plain_git",
    "AGENT_CAUSES": "records",
    "Cause": "records",
    "Comment": "records",
    "Diff": "records",
    "Evidence": "records",
    "Kind": "records",
    "Outcome": "records",
    "Cursor": "source",
    "FeedbackSource": "source",
    "clean": "words",
    "quote": "words",
}
__all__ = sorted(_HOMES)


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'feedback' has no attribute {name!r}")
    return getattr(import_module(f"feedback.{_HOMES[name]}"), name)
