"""What starts the worker: a mention or a label, by somebody with write access."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from feedback.github.client import GitHubClient, MissingResource
from feedback.outcome import is_bot
from feedback.problems import FeedbackError
from meta.errors import ExitCode, MetaError
from meta.forges.github.address import IssuePlace

_CAN_PUSH = {"admin", "maintain", "write"}
_CODE = re.compile(r"```.*?(?:```|\Z)|~~~.*?(?:~~~|\Z)|`[^`\n]*`|<!--.*?(?:-->|\Z)", re.DOTALL)


NOTHING_STARTED = "nothing was started"


@dataclass(frozen=True)
class Trigger:
    """Who asked for work on which issue, and when."""

    place: IssuePlace
    who: str
    when: datetime


def find_trigger(payload: object, mention: str, label: str) -> Trigger | str:
    """Return what a payload asks for, or in words why it asks for nothing.

    Whether that person may ask is checked later. Raises `MetaError` (exit code 2) for anything that GitHub would not
    send.
    """
    if not isinstance(payload, dict):
        raise _bad_event("is not a JSON object")
    issue, repository, sender = (_object(payload, name) for name in ("issue", "repository", "sender"))
    if not repository or not sender:
        raise _bad_event("has no repository or no sender")
    if not issue:
        return "it is not about an issue"
    name, number, who = repository.get("full_name"), issue.get("number"), sender.get("login")
    if (
        not isinstance(name, str)
        or not re.fullmatch(r"[\w.-]+/[\w.-]+", name)
        or not isinstance(number, int)
        or not 0 < number < 2**31
    ):
        raise _bad_event("does not name a repository and an issue")
    if not isinstance(who, str) or not re.fullmatch(r"[A-Za-z0-9_-]+(\[bot\])?", who):
        raise _bad_event("does not say who caused it")
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
        return "somebody else wrote the comment"
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
    """Return whether a person's own words mention it.

    Quotations, code and hidden comments are not their own words.
    """
    own = "\n".join(line for line in _CODE.sub(" ", text[:60_000]).split("\n") if not line.lstrip().startswith(">"))
    return bool(re.search(rf"(?<![\w@/.-]){re.escape(mention)}(?![\w/-])", own, re.IGNORECASE))


def require_permission(client: GitHubClient, trigger: Trigger, repositories: Iterable[str]) -> None:
    """Raise `MetaError` unless the person can push to the issue's repository.

    It has to be one of `repositories`. The exit code is 3 where they may not, and 1 where GitHub does not say.
    """
    repository = trigger.place.repository
    if repository.casefold() not in {name.casefold() for name in repositories}:
        raise MetaError(
            f"{repository} is not one of the repositories in meta.toml",
            "issues of forks and other repositories start nothing",
            ExitCode.NOTHING_TO_DO,
        )
    try:
        answer = client.get(f"repos/{repository}/collaborators/{trigger.who}/permission")
    except MissingResource:
        answer = None
    except FeedbackError as error:
        raise MetaError(f"cannot find out whether {trigger.who} can push: {error}", NOTHING_STARTED) from None
    permission = answer.get("permission") if isinstance(answer, dict) else None
    if permission not in _CAN_PUSH:
        raise MetaError(f"{trigger.who} cannot push to {repository}", NOTHING_STARTED, ExitCode.NOTHING_TO_DO)


def _bad_event(problem: str) -> MetaError:
    return MetaError(f"the event {problem}", "give the file at $GITHUB_EVENT_PATH", ExitCode.USAGE)


def _object(data: dict[str, Any], name: str) -> dict[str, Any]:
    found = data.get(name)
    return found if isinstance(found, dict) else {}


def _moment(text: object) -> datetime | None:
    try:
        moment = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
