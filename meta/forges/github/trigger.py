"""Whether a webhook's payload starts the worker: only people with write access can, by a mention or a label."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from feedback.github.client import GitHubClient, MissingResource
from feedback.outcome import is_bot
from feedback.problems import FeedbackError
from meta.app import Context
from meta.errors import MetaError
from meta.forges.github.address import IssuePlace

_MAY = {"admin", "maintain", "write"}
_CODE = re.compile(r"```.*?(?:```|\Z)|~~~.*?(?:~~~|\Z)|`[^`\n]*`|<!--.*?(?:-->|\Z)", re.DOTALL)


@dataclass(frozen=True)
class Trigger:
    """Who asked for work on which issue, and when."""

    place: IssuePlace
    who: str
    when: datetime


def find_trigger(payload: object, mention: str, label: str) -> Trigger | str:
    """What a payload asks for, or why it asks for nothing. Whether that person may is another question.

    Raises `MetaError` when it is no payload of GitHub's.
    """
    if not isinstance(payload, dict):
        raise MetaError("the event is not a JSON object", "give the file at $GITHUB_EVENT_PATH", code=2)
    issue, repository, sender = (_object(payload, name) for name in ("issue", "repository", "sender"))
    if not repository or not sender:
        raise MetaError("the event has no repository or no sender", "give the file at $GITHUB_EVENT_PATH", code=2)
    if not issue:
        return "it is not about an issue"
    name, number, who = repository.get("full_name"), issue.get("number"), sender.get("login")
    if (
        not isinstance(name, str)
        or not re.fullmatch(r"[\w.-]+/[\w.-]+", name)
        or not isinstance(number, int)
        or not 0 < number < 2**31
    ):
        raise MetaError("the event names no repository and issue", "give the file at $GITHUB_EVENT_PATH", code=2)
    if not isinstance(who, str) or not re.fullmatch(r"[A-Za-z0-9_-]+(\[bot\])?", who):
        raise MetaError("the event does not say who caused it", "give the file at $GITHUB_EVENT_PATH", code=2)
    if "pull_request" in issue and issue["pull_request"] is not None:
        return "it is on a pull request: a review is feedback for the next night, not a chat"
    if sender.get("type") != "User" or is_bot(who):
        return f"{who} is not a person"
    if issue.get("state") != "open":
        return "the issue is closed"
    place = IssuePlace(str(name), number)
    if isinstance(comment := payload.get("comment"), dict):
        return _by_mention(payload, comment, place, who, mention)
    return _by_label(payload, issue, place, who, label)


def _by_mention(
    payload: dict[str, Any], comment: dict[str, Any], place: IssuePlace, who: str, mention: str
) -> Trigger | str:
    if payload.get("action") != "created":
        return "only a new comment starts the worker"
    author = _object(comment, "user").get("login")
    if author != who:
        return "the comment is somebody else's"
    text = comment.get("body")
    if not isinstance(text, str) or not is_mentioned(text, mention):
        return f"the comment does not mention {mention}"
    when = _moment(comment.get("created_at"))
    return Trigger(place, who, when) if when else "it does not say when it was written"


def _by_label(payload: dict[str, Any], issue: dict[str, Any], place: IssuePlace, who: str, label: str) -> Trigger | str:
    if payload.get("action") != "labeled":
        return "only a mention or a label starts the worker"
    if _object(payload, "label").get("name") != label:
        return f"the label is not {label}"
    when = _moment(issue.get("updated_at"))
    return Trigger(place, who, when) if when else "it does not say when it was labelled"


def is_mentioned(text: str, mention: str) -> bool:
    """Whether somebody says the words themselves: not in a quotation, in code or in a hidden comment."""
    own = "\n".join(line for line in _CODE.sub(" ", text[:60_000]).split("\n") if not line.lstrip().startswith(">"))
    return bool(re.search(rf"(?<![\w@/.-]){re.escape(mention)}(?![\w/-])", own, re.IGNORECASE))


def require_permission(context: Context, client: GitHubClient, asked: Trigger) -> None:
    """Raises `MetaError` (exit code 3) unless the repository is one of ours and the person may push to it."""
    names = {r.name.casefold() for r in context.settings.repositories if r.name}
    if asked.place.repository.casefold() not in names:
        raise MetaError(
            f"{asked.place.repository} is none of the repositories in meta.toml",
            "forks and others start nothing",
            code=3,
        )
    try:
        answer = client.get(f"repos/{asked.place.repository}/collaborators/{asked.who}/permission")
    except MissingResource:
        answer = None
    except FeedbackError as error:
        raise MetaError(f"whether {asked.who} may push cannot be found out: {error}", "nothing was started") from None
    permission = answer.get("permission") if isinstance(answer, dict) else None
    if permission not in _MAY:
        raise MetaError(f"{asked.who} may not push to {asked.place.repository}", "nothing was started", code=3)


def _object(data: dict[str, Any], name: str) -> dict[str, Any]:
    found = data.get(name)
    return found if isinstance(found, dict) else {}


def _moment(text: object) -> datetime | None:
    try:
        moment = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
