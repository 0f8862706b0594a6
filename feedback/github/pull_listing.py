"""Lists a repository's pull requests, least recently updated first.

A pull request that is updated moves to the end of the list, so one place serves both the run that resumes after a kill
and the night that continues from yesterday.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from feedback.github import queries
from feedback.github.answers import end_cursor_of
from feedback.github.client import GitHubClient, MissingResource, QueryTooLarge, StaleCursor
from feedback.problems import FeedbackError, Problem

_PULLS_AT_ONCE = 50
_MAX_NUMBER = 2**31 - 1
"""The largest number that GraphQL accepts."""
_SETTLING_TIME = timedelta(seconds=60)
"""After a change as recent as this, the list may still get an entry in front of it."""


_LONG_AGO = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class ListingPlace:
    """How far the list has been read."""

    after: str | None = None
    """GitHub's cursor of the last entry that was read; None before the first."""
    read_until: datetime = _LONG_AGO
    """The latest update among the entries up to there."""


@dataclass(frozen=True, slots=True)
class ListingPage:
    """A page of the list, as GitHub returned it."""

    nodes: list[dict[str, Any]]
    main: str | None
    """The repository's default branch."""
    next_place: ListingPlace
    """Where to continue once everything up to the end of this page is stored."""


class PullListing:
    """The pull requests of `repository` ("owner/name")."""

    def __init__(
        self, client: GitHubClient, repository: str, problems: list[Problem], report: Callable[[str], None]
    ) -> None:
        self._client, self._repository, self._problems, self._report = client, repository, problems, report
        owner, _, name = repository.partition("/")
        self._names = {"owner": owner, "name": name}

    def find(self, number: int) -> tuple[dict[str, Any], str | None] | None:
        """Return one pull request as it is listed, and the default branch, or None.

        Raises `QueryTooLarge` if GitHub cannot answer, `FeedbackError` for other failures.
        """
        try:
            data = self._client.query(queries.PULL_BY_NUMBER, {**self._names, "number": min(number, _MAX_NUMBER)})
        except MissingResource:
            return None  # the number of an issue, or of nothing
        repository = data.get("repository")
        node = repository.get("pullRequest") if isinstance(repository, dict) else None
        if not isinstance(repository, dict) or not isinstance(node, dict):
            return None
        return node, _default_branch_of(repository)

    def pages(self, start: ListingPlace) -> Iterator[ListingPage]:
        """Yield the pages of the list from a place on.

        They start at the beginning if the place no longer holds.
        """
        place, after, size, is_first = start, start.after, _PULLS_AT_ONCE, True
        while True:
            try:
                repository = self._fetch(after, size)
            except StaleCursor:
                if after is None:
                    raise
                self._report("GitHub no longer knows the stored place; reading all pull requests again")
                place, after = ListingPlace(), None
                continue
            except QueryTooLarge:
                if size == 1:
                    raise
                size = max(size // 3, 1)
                continue
            connection = repository.get("pullRequests")
            edges = self._edges_of(connection)
            updates = [_update_time_of(edge["node"]) for edge in edges]
            if is_first and after is not None and any(time and time < start.read_until for time in updates):
                self._report("GitHub's list has changed its order; reading all pull requests again")
                place, after, is_first = ListingPlace(), None, False
                continue
            is_first = False
            place = _advance_place(place, edges, updates)
            yield ListingPage([edge["node"] for edge in edges], _default_branch_of(repository), place)
            end = end_cursor_of(connection)
            if end is None:
                return
            if end == after:
                raise FeedbackError(
                    f"GitHub returns the same page of {self._repository} again and again. Run the command again later."
                )
            after = end

    def _fetch(self, after: str | None, size: int) -> dict[str, Any]:
        data = self._client.query(queries.PULL_LISTING, {**self._names, "after": after, "first": size})
        repository = data.get("repository")
        if not isinstance(repository, dict):
            raise MissingResource(f"Repository {self._repository} does not exist, or the token may not see it.")
        return repository

    def _edges_of(self, connection: object) -> list[dict[str, Any]]:
        """Return the entries of a page; report how many GitHub withheld."""
        edges = connection.get("edges") if isinstance(connection, dict) else None
        if not isinstance(edges, list):
            raise FeedbackError(
                f"GitHub returned no list of pull requests for {self._repository}. Run the command again later."
            )
        good = [edge for edge in edges if isinstance(edge, dict) and isinstance(edge.get("node"), dict)]
        if len(good) < len(edges):
            text = f"GitHub withheld {len(edges) - len(good)} of the {len(edges)} pull requests on a page"
            self._problems.append(Problem(self._repository, text, is_kept=True))
        return good


def _advance_place(place: ListingPlace, edges: list[dict[str, Any]], updates: list[datetime | None]) -> ListingPlace:
    """Return the place after the last entry that has settled."""
    settled = datetime.now(UTC) - _SETTLING_TIME
    for edge, time in zip(edges, updates, strict=True):
        if time and time <= settled and isinstance(edge.get("cursor"), str):
            place = ListingPlace(edge["cursor"], max(time, place.read_until))
    return place


def _default_branch_of(repository: dict[str, Any]) -> str | None:
    branch = repository.get("defaultBranchRef")
    name = branch.get("name") if isinstance(branch, dict) else None
    return name if isinstance(name, str) else None


def _update_time_of(node: dict[str, Any]) -> datetime | None:
    try:
        time = datetime.fromisoformat(str(node.get("updatedAt")))
        return time if time.tzinfo else None
    except ValueError:
        return None
