"""Find an issue, the clone of its repository, and the way to its GitHub."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from feedback.github.client import GitHubClient
from meta.errors import ExitCode, MetaError
from meta.project import Report
from meta.settings import GitHubSettings, Settings

_ISSUE = re.compile(r"/([\w.-]+/[\w.-]+)/issues/(\d{1,9})/?$")


@dataclass(frozen=True)
class IssuePlace:
    """An issue's repository, as owner/name, and its number."""

    repository: str
    number: int

    def __str__(self) -> str:
        return f"{self.repository}#{self.number}"


def find_issue_place(github: GitHubSettings, address: str) -> IssuePlace:
    """Read an issue's address.

    Raises `MetaError` (exit code 2) unless it is on the GitHub of the settings: the token is never sent elsewhere.
    """
    parts, ours = urlsplit(address), web_address_of(github)
    found = _ISSUE.fullmatch(parts.path)
    if not found:
        raise MetaError(
            f"{address} is not the address of an issue", "give https://HOST/OWNER/REPO/issues/NUMBER", ExitCode.USAGE
        )
    if f"{parts.scheme}://{parts.netloc}".casefold() != ours.casefold():
        raise MetaError(
            f"{address} is not on {ours}", "to use another GitHub, set github.base_url in meta.toml", ExitCode.USAGE
        )
    return IssuePlace(found[1], int(found[2]))


def web_address_of(github: GitHubSettings) -> str:
    """Return where people see this GitHub.

    That is `https://github.com` for the API at `https://api.github.com`.
    """
    base = github.base_url.rstrip("/").removesuffix("/api/v3")
    return base.replace("://api.github.com", "://github.com")


def connect_github(github: GitHubSettings, report: Report) -> GitHubClient:
    """Connect to GitHub. Use it in a `with` block; `report` hears of every wait."""
    return GitHubClient(github.access, report)


def find_clone(settings: Settings, name: str) -> Path:
    """Return the clone of the repository owner/name.

    Raises `MetaError` (exit code 2) where there is none.
    """
    for repository in settings.repositories:
        if repository.name.casefold() == name.casefold():
            clone = (settings.root / repository.path).resolve()
            if not clone.is_dir():
                raise MetaError(f"there is no clone at {clone}", f"git clone {name} there", ExitCode.USAGE)
            return clone
    raise MetaError(
        f"meta.toml names no clone of {name}",
        f'add [[repositories]] with name = "{name}" and its path',
        ExitCode.USAGE,
    )
