"""`meta work --event FILE`: from a webhook's payload to work, or to the reason why there is none."""

from __future__ import annotations

import json
from pathlib import Path

from feedback.problems import FeedbackError
from meta.app import Context
from meta.errors import MetaError
from meta.forges.github.address import connect_github
from meta.forges.github.delivery import deliver_issue
from meta.forges.github.pull_request import PullRequestLink
from meta.forges.github.trigger import find_trigger, require_permission

_MOST_BYTES = 30_000_000
"""GitHub sends at most 25 MB."""


def work_on_event(context: Context, path: Path, *, draft: bool, pr: bool) -> PullRequestLink | None:
    """Raises `MetaError`: exit code 3 with the reason where the event starts nothing, 2 where it is no event."""
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise MetaError(f"{path} is larger than any event", "give the file at $GITHUB_EVENT_PATH", code=2)
        payload = json.loads(path.read_bytes())
    except OSError as error:
        raise MetaError(f"{path}: {error.strerror}", "give the file at $GITHUB_EVENT_PATH", code=2) from None
    except (ValueError, RecursionError) as error:
        raise MetaError(f"{path} is not JSON: {error}", "give the file at $GITHUB_EVENT_PATH", code=2) from None
    settings = context.settings.github
    asked = find_trigger(payload, settings.mention, settings.label)
    if isinstance(asked, str):
        raise MetaError(f"nothing to do: {asked}", code=3)
    try:
        with connect_github(context) as client:
            require_permission(context, client, asked)
    except FeedbackError as error:
        raise MetaError(str(error)) from None
    context.tell(f"{asked.who} asks for work on {asked.place.repository}#{asked.place.number}")
    return deliver_issue(context, asked.place, draft=draft, as_of=asked.when, pr=pr)
