"""Issues and pull requests by their address, and the connection to where they are."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from feedback.github.client import GitHubClient
from meta.app import Context
from meta.errors import MetaError
from meta.settings import RepositorySettings

_ISSUE = re.compile(r"/([\w.-]+/[\w.-]+)/issues/(\d{1,9})/?$")


@dataclass(frozen=True)
class IssuePlace:
    repository: str
    number: int


def find_issue_place(context: Context, address: str) -> IssuePlace:
    """The issue at an address of the GitHub of the settings. Raises `MetaError` (exit code 2) for any other: the token
    is never sent elsewhere."""
    parts, ours = urlsplit(address), web_address_of(context)
    found = _ISSUE.fullmatch(parts.path)
    if not found:
        raise MetaError(f"{address} is not an issue", "give https://HOST/OWNER/REPO/issues/NUMBER", code=2)
    if f"{parts.scheme}://{parts.netloc}".casefold() != ours.casefold():
        raise MetaError(f"{address} is not on {ours}", "github.base_url in meta.toml says which GitHub is used", code=2)
    return IssuePlace(found[1], int(found[2]))


def web_address_of(context: Context) -> str:
    """Where people see this GitHub: `https://github.com` for the API at `https://api.github.com`."""
    base = context.settings.github.base_url.rstrip("/").removesuffix("/api/v3")
    return base.replace("://api.github.com", "://github.com")


def connect_github(context: Context) -> GitHubClient:
    return GitHubClient(context.settings.github.access, context.tell)


def repository_settings_of(context: Context, name: str) -> RepositorySettings:
    """The clone of a repository. Raises `MetaError` where meta.toml has none."""
    for repository in context.settings.repositories:
        if repository.name.casefold() == name.casefold():
            return repository
    raise MetaError(f"meta.toml names no clone of {name}", f'add [[repositories]] with name = "{name}" and its path', 2)
