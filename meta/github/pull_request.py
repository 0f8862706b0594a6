"""Opening a pull request, once: whoever asks again gets the one that is there."""

from __future__ import annotations

import re
from dataclasses import dataclass

from feedback.github.client import Client, Refused
from feedback.words import clean
from meta.errors import MetaError


@dataclass(frozen=True)
class Opened:
    number: int
    url: str
    new: bool


def find(client: Client, repository: str, branch: str) -> Opened | None:
    """The newest pull request from a branch of the same repository, whatever its state."""
    owner = repository.partition("/")[0]
    found = client.get(f"repos/{repository}/pulls", head=f"{owner}:{branch}", state="all", per_page=1)
    for item in found if isinstance(found, list) else []:
        if isinstance(item, dict) and isinstance(item.get("number"), int):
            return Opened(item["number"], str(item.get("html_url") or ""), new=False)
    return None


def open_one(
    client: Client, repository: str, branch: str, *, base: str, title: str, body: str, draft: bool = False
) -> Opened:
    """Open a pull request, or find the one that is there."""
    if known := find(client, repository, branch):
        return known
    try:
        made = client.post(
            f"repos/{repository}/pulls",
            {"title": title[:250], "head": branch, "base": base, "body": body[:60_000], "draft": draft},
        )
    except Refused as error:
        if known := find(client, repository, branch):
            return known
        raise MetaError(
            f"GitHub refuses the pull request: {error}", "is there a change between branch and base?"
        ) from None
    if not isinstance(made, dict) or not isinstance(made.get("number"), int):
        raise MetaError("GitHub's answer to the new pull request is odd", "look there; run again to find it")
    return Opened(made["number"], str(made.get("html_url") or ""), new=True)


def harmless(text: str) -> str:
    """Somebody's words as they may stand in a description: they mention nobody and close nothing."""
    text = clean(text).replace("@", "&#64;")
    return re.sub(r"#(?=\d)", "&#35;", re.sub(r"(?i)(https?://\S+/)(pull|issues)/", r"\1\2&#47;", text))
