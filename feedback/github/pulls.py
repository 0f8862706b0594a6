"""Reads a pull request with everything that happened on it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from feedback.github import queries
from feedback.github.answers import (
    CommitItem,
    IssueState,
    LineComment,
    PullFacts,
    PullLabel,
    Remark,
    Review,
    TimelineEvent,
    end_cursor_of,
    nodes_of,
    parse_answer,
    parse_nodes,
)
from feedback.github.client import GitHubClient, MissingResource, QueryTooLarge, StaleCursor
from feedback.problems import Problem

_ITEMS_AT_ONCE = 50
"""Items of each list that are asked for at a time."""
_MAX_PAGES = 40
"""Further pages of one list that are read; a longer list is cut and reported."""


@dataclass(frozen=True, slots=True)
class PullDetails:
    """A pull request with its lists."""

    facts: PullFacts
    labels: tuple[str, ...]
    issues: tuple[IssueState, ...]
    comments: tuple[Remark, ...]
    reviews: tuple[Review, ...]
    line_comments: tuple[LineComment, ...]
    commits: tuple[CommitItem, ...]
    events: tuple[TimelineEvent, ...]
    is_complete: bool
    """False if some of it could not be read."""


class PullReader:
    """Reads pull requests in batches, in smaller ones if GitHub cannot answer."""

    def __init__(self, client: GitHubClient, repository: str, problems: list[Problem]) -> None:
        self._client, self._repository, self._problems = client, repository, problems
        self._batch = 10

    def read(self, ids: list[tuple[str, int]]) -> Iterator[tuple[int, PullDetails | None]]:
        """Yield number and details for each of `ids`, which are node ids with numbers.

        Details are None, and a problem says why, if a pull request cannot be read.
        """
        at = 0
        while at < len(ids):
            part = ids[at : at + self._batch]
            try:
                data = self._client.query(queries.PULL_DETAILS, {"ids": [i for i, _ in part], "n": _ITEMS_AT_ONCE})
            except QueryTooLarge as error:
                if self._batch > 1:
                    self._batch = max(self._batch // 3, 1)
                    continue
                self._problems.append(
                    Problem(self._place(part[0][1]), f"skipped, and asked for again next time: {error}")
                )
                yield part[0][1], None
                at += 1
                continue
            at += len(part)
            answered = {
                node["id"]: node
                for node in nodes_of(data, self._repository, self._problems)
                if isinstance(node, dict) and isinstance(node.get("id"), str)
            }
            for known, number in part:
                yield number, self._pull(answered.get(known), number)

    def _place(self, number: int) -> str:
        return f"{self._repository}#{number}"

    def _pull(self, node: dict[str, Any] | None, number: int) -> PullDetails | None:
        place, before = self._place(number), len(self._problems)
        if node is None:
            self._problems.append(Problem(place, "GitHub did not return it; it is asked for again next time"))
            return None
        facts = parse_answer(PullFacts, node, place, self._problems)
        if facts is None:
            return None
        if facts.number != number:
            self._problems.append(Problem(place, f"GitHub returned #{facts.number} instead; skipped"))
            return None
        items = {part: self._items(facts.id, node.get(part), part, place) for part in queries.PULL_LISTS}
        threads = [t for t in items["reviewThreads"] if isinstance(t, dict)]
        return PullDetails(
            facts=facts,
            labels=tuple(
                label.name for label in parse_nodes(PullLabel, node.get("labels"), f"{place} labels", self._problems)
            ),
            issues=parse_nodes(IssueState, node.get("closingIssuesReferences"), f"{place} issues", self._problems),
            comments=parse_nodes(Remark, items["comments"], f"{place} comments", self._problems),
            reviews=parse_nodes(Review, items["reviews"], f"{place} reviews", self._problems),
            line_comments=tuple(
                comment
                for thread in threads
                for comment in parse_nodes(
                    LineComment, self._thread(thread, place), f"{place} comments on lines", self._problems
                )
            ),
            commits=parse_nodes(CommitItem, items["commits"], f"{place} commits", self._problems),
            events=parse_nodes(TimelineEvent, items["timelineItems"], f"{place} events", self._problems),
            is_complete=len(self._problems) == before,
        )

    def _items(self, pull: str, connection: object, part: str, place: str) -> list[object]:
        return self._pages(queries.next_page_query(part), pull, connection, part, f"{place} {part}")

    def _thread(self, thread: dict[str, Any], place: str) -> list[object]:
        known, connection = thread.get("id"), thread.get("comments")
        if not isinstance(known, str):
            return list(nodes_of(connection, place, self._problems))
        return self._pages(queries.NEXT_THREAD_PAGE, known, connection, "comments", f"{place} thread")

    def _pages(self, query: str, known: str, connection: object, part: str, place: str) -> list[object]:
        """Return all items of a list whose first page is `connection`."""
        found = list(nodes_of(connection, place, self._problems))
        after = end_cursor_of(connection)
        for _ in range(_MAX_PAGES):
            if after is None:
                return found
            try:
                data = self._client.query(query, {"id": known, "n": _ITEMS_AT_ONCE, "after": after})
            except (QueryTooLarge, StaleCursor, MissingResource) as error:
                self._problems.append(Problem(place, f"could not be read to the end: {error}", is_kept=True))
                return found
            node = data.get("node")
            connection = node.get(part) if isinstance(node, dict) else None
            found += nodes_of(connection, place, self._problems)
            if (end := end_cursor_of(connection)) == after:
                text = "GitHub returns the same page again and again; the rest is skipped"
                self._problems.append(Problem(place, text, is_kept=True))
                return found
            after = end
        if after is not None:
            self._problems.append(Problem(place, f"more than {len(found)} items; the rest is skipped", is_kept=True))
        return found
