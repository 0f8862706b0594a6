"""Open a pull request once: whoever asks again gets the one that exists."""

from __future__ import annotations

from dataclasses import dataclass

from feedback.cleaning import MAX_TEXT_CHARS, clean_text
from feedback.github.client import GitHubClient, RefusedWrite
from meta.errors import MetaError
from safeguards.inert_text import make_inert, make_inert_line


@dataclass(frozen=True)
class PullRequestLink:
    """A pull request on GitHub; `new` where it was opened just now."""

    number: int
    url: str
    new: bool


def find_pull_request(client: GitHubClient, repository: str, branch: str) -> PullRequestLink | None:
    """Return the newest pull request from a branch of this repository, open or not."""
    owner = repository.partition("/")[0]
    found = client.get(f"repos/{repository}/pulls", head=f"{owner}:{branch}", state="all", per_page=1)
    for item in found if isinstance(found, list) else []:
        if isinstance(item, dict) and isinstance(item.get("number"), int):
            return PullRequestLink(item["number"], str(item.get("html_url") or ""), new=False)
    return None


def open_pull_request(
    client: GitHubClient, repository: str, branch: str, *, base: str, title: str, body: str, draft: bool = False
) -> PullRequestLink:
    """Open a pull request, or return the one that exists.

    Raises `MetaError` when GitHub refuses.
    """
    if known := find_pull_request(client, repository, branch):
        return known
    try:
        made = client.post(
            f"repos/{repository}/pulls",
            {
                "title": make_inert_line(title)[:250],
                "head": branch,
                "base": base,
                "body": body[:60_000],
                "draft": draft,
            },
        )
    except RefusedWrite as error:
        if known := find_pull_request(client, repository, branch):
            return known
        raise MetaError(
            f"GitHub refuses the pull request: {error}", "check that the branch differs from its base"
        ) from None
    if not isinstance(made, dict) or not isinstance(made.get("number"), int):
        raise MetaError(
            f"GitHub gave no number for the new pull request in {repository}", "run this again: it finds the open one"
        )
    return PullRequestLink(made["number"], str(made.get("html_url") or ""), new=True)


def neutralize_markup(text: str, limit: int = MAX_TEXT_CHARS) -> str:
    """Make somebody's words safe to post: they hide nothing, and act on nothing."""
    return make_inert(clean_text(text, limit))
