"""`meta work --event FILE`: from a webhook's payload to work, or to the reason why there is none."""

from __future__ import annotations

import json
from pathlib import Path

from feedback.errors import FeedbackError
from meta.context import Context
from meta.errors import MetaError
from meta.github.deliver import deliver
from meta.github.place import connect
from meta.github.pull_request import Opened
from meta.github.trigger import must_be_allowed, trigger

_MOST_BYTES = 30_000_000
"""GitHub sends at most 25 MB."""


def work_on_event(context: Context, path: Path, *, draft: bool, pr: bool) -> Opened | None:
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
    asked = trigger(payload, settings.mention, settings.label)
    if isinstance(asked, str):
        raise MetaError(f"nothing to do: {asked}", code=3)
    try:
        with connect(context) as client:
            must_be_allowed(context, client, asked)
    except FeedbackError as error:
        raise MetaError(str(error)) from None
    context.tell(f"{asked.who} asks for work on {asked.place.repository}#{asked.place.number}")
    return deliver(context, asked.place, draft=draft, as_of=asked.when, pr=pr)
