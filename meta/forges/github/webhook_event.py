"""`meta work --event FILE`: from a webhook's payload to the work asked for."""

from __future__ import annotations

import json
from pathlib import Path

from feedback.problems import FeedbackError
from meta.errors import ExitCode, MetaError
from meta.forges.github.address import connect_github
from meta.forges.github.trigger import Trigger, find_trigger, require_permission
from meta.project import Project

_MAX_EVENT_BYTES = 30_000_000
"""GitHub sends at most 25 MB."""

EVENT_REMEDY = "give the file at $GITHUB_EVENT_PATH"


def accept_event(project: Project, path: Path) -> Trigger:
    """Read a webhook's payload and return who asks for work on which issue.

    Only a person with write access can. Raises `MetaError`: exit code 3 and the reason where the event starts nothing,
    2 where the file is not an event.
    """
    github = project.settings.github
    trigger = find_trigger(_read_payload(path), github.mention, github.label)
    if isinstance(trigger, str):
        raise MetaError(f"nothing to do: {trigger}", code=ExitCode.NOTHING_TO_DO)
    names = [repository.name for repository in project.settings.repositories]
    try:
        with connect_github(github, project.report) as client:
            require_permission(client, trigger, names)
    except FeedbackError as error:
        raise MetaError(str(error)) from None
    project.report(f"{trigger.who} asks for work on {trigger.place}")
    return trigger


def _read_payload(path: Path) -> object:
    try:
        if path.stat().st_size > _MAX_EVENT_BYTES:
            raise MetaError(f"{path} is larger than any event of GitHub", EVENT_REMEDY, ExitCode.USAGE)
        return json.loads(path.read_bytes())
    except OSError as error:
        raise MetaError(f"{path}: {error.strerror}", EVENT_REMEDY, ExitCode.USAGE) from None
    except (ValueError, RecursionError) as error:
        raise MetaError(f"{path} is not an event, it is not even JSON: {error}", EVENT_REMEDY, ExitCode.USAGE) from None
