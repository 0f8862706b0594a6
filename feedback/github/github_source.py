"""Outcomes from GitHub: reviews, words and ends that git alone does not know.

    source = GitHub("team/app", AgentIdentity(authors=("my-agent[bot]",)), Access())
    for outcome in source.outcomes(cursor):
        store(outcome)

Pull requests are listed in the order of their last change, so one stored place in that list serves both the night
that goes on from yesterday and the run that goes on after a kill.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from feedback.github import queries
from feedback.github.access import GitHubAccess
from feedback.github.answers import (
    CommitItem,
    ListedPull,
    PullLabel,
    end_cursor_of,
    nodes_of,
    parse_answer,
    parse_nodes,
)
from feedback.github.client import GitHubClient, MissingResource, QueryTooLarge, StaleCursor
from feedback.github.diffs import add_diffs
from feedback.github.github_causes import assign_github_cause
from feedback.github.github_outcome import outcome_of_story
from feedback.github.pull_story import story_of
from feedback.github.pulls import PullDetails, PullReader
from feedback.github.remarks import Collaborators, remarks_on
from feedback.github.reversals import revert_claim_of
from feedback.identity import AgentIdentity
from feedback.outcome import Outcome
from feedback.problems import FeedbackError, Problem
from feedback.source import Cursor, check_cursor

GITHUB_FORMAT = 2
"""Raised when the same answers would give other outcomes than before: then all are read again."""
_PULLS_AT_ONCE = 50
_SETTLING_TIME = timedelta(seconds=60)
"""A change within so short a time before now may still get neighbours in the list that stand before it."""


_MAX_ATTEMPTS = 7
"""So often one that could not be read is asked for, run after run; then it is left until it changes."""


class GitHubSource:
    """The pull requests of `repository` ("owner/name"). A `FeedbackSource`.

    `diffs` also asks for the diffs of what came back; not needed where a clone is read as well. `keep` is called with
    the cursor after every page, when all of its outcomes have been stored. What was odd in the answers is in
    `problems`.
    """

    def __init__(
        self,
        repository: str,
        identity: AgentIdentity,
        access: GitHubAccess,
        *,
        diffs: bool = True,
        keep: Callable[[Cursor], None] = lambda cursor: None,
        tell: Callable[[str], None] = lambda line: None,
    ) -> None:
        owner, _, name = repository.partition("/")
        if not owner or not name or "/" in name:
            raise FeedbackError(f"{repository!r} is no repository of GitHub. Write it as owner/name.")
        self.repository, self._owner, self._name = repository, owner, name
        self._identity, self._access, self._diffs = identity, access, diffs
        self._keep, self._tell = keep, tell
        self._after: str | None = None
        self._upto = datetime.min.replace(tzinfo=UTC)
        self._again: dict[str, str] = {}
        """Numbers that are asked for again the next time, and how often they were asked for in vain."""
        self._before: dict[str, str] = {}
        self._main: str | None = None
        self._started = False
        self.problems: list[Problem] = []

    @property
    def name(self) -> str:
        return f"github:{self._access.base_url.rstrip('/')}/{self.repository}"

    @property
    def cursor(self) -> Cursor | None:
        if not self._started:
            return None
        position = {"after": self._after, "upto": self._upto.isoformat(), "facts": self._facts}
        return Cursor(source=self.name, position=json.dumps(position), seen=self._again)

    @property
    def _facts(self) -> str:
        facts = [GITHUB_FORMAT, self._identity.model_dump(), self._diffs]
        return hashlib.sha256(repr(facts).encode()).hexdigest()[:16]

    def outcomes(self, since: Cursor | None = None) -> Iterator[Outcome]:
        """Outcomes of the agent's pull requests that changed since, in the order of their last change.

        Raises `FeedbackError` when GitHub cannot be read; what was yielded until then stays valid.
        """
        check_cursor(since, self.name)
        self.problems, self._again, self._before = [], {}, dict(since.seen) if since else {}
        self._begin(since)
        with GitHubClient(self._access, self._tell) as client:
            people = Collaborators(client, self.repository)
            pulls = PullReader(client, self.repository, self.problems)
            if waiting := [int(number) for number in self._before if number.isdecimal()]:
                known = self._by_number(client, waiting)
                yield from self._told(pulls, people, client, known, self._main)
            for page, main, after, upto in self._pages(client):
                yield from self._told(pulls, people, client, self._agents(client, page), main)
                self._after, self._upto = after, upto
                if cursor := self.cursor:
                    self._keep(cursor)

    def _begin(self, since: Cursor | None) -> None:
        self._started, self._after, self._upto = True, None, datetime.min.replace(tzinfo=UTC)
        try:
            position = json.loads(since.position) if since and since.position else {}
            if position and position["facts"] == self._facts:
                self._after, self._upto = position["after"], datetime.fromisoformat(position["upto"])
        except (ValueError, KeyError, TypeError):
            self._tell("the stored cursor cannot be read; all pull requests are read again")

    # What there is.

    def _pages(self, client: GitHubClient) -> Iterator[tuple[list[Any], str | None, str | None, datetime]]:
        """Pages of the listing: their nodes, the default branch, and where to go on once they are stored."""
        after, size, asked = self._after, _PULLS_AT_ONCE, False
        stored, upto = self._after, self._upto
        while True:
            variables = {"owner": self._owner, "name": self._name, "after": after, "first": size}
            try:
                data = client.query(queries.PULL_LISTING, variables)
            except StaleCursor:
                if after is None:
                    raise
                self._tell("GitHub no longer knows the stored place; all pull requests are read again")
                after = stored = None
                upto = datetime.min.replace(tzinfo=UTC)
                continue
            except QueryTooLarge:
                if size == 1:
                    raise
                size = max(size // 3, 1)
                continue
            repository = data.get("repository")
            if not isinstance(repository, dict):
                raise MissingResource(f"There is no repository {self.repository}, or the token may not see it.")
            connection = repository.get("pullRequests")
            edges = connection.get("edges") if isinstance(connection, dict) else None
            if not isinstance(edges, list):
                raise FeedbackError(f"{self.name}: GitHub gave no list of pull requests. Run the command again later.")
            given = len(edges)
            edges = [edge for edge in edges if isinstance(edge, dict) and isinstance(edge.get("node"), dict)]
            if given > len(edges):
                said = f"GitHub withheld {given - len(edges)} of a page of {given} pull requests"
                self.problems.append(Problem(self.repository, said, is_kept=True))
            moments = [_update_time_of(edge["node"]) for edge in edges]
            if not asked and after is not None and any(m and m < self._upto for m in moments):
                self._tell("GitHub's list is not in the order it was; all pull requests are read again")
                after = stored = None
                upto, self._upto, asked = datetime.min.replace(tzinfo=UTC), datetime.min.replace(tzinfo=UTC), True
                continue
            asked = True
            settled = datetime.now(UTC) - _SETTLING_TIME
            for edge, moment in zip(edges, moments, strict=True):
                if moment and moment <= settled and isinstance(edge.get("cursor"), str):
                    stored, upto = edge["cursor"], max(moment, upto)
            yield [edge["node"] for edge in edges], _default_branch_of(repository), stored, upto
            end = end_cursor_of(connection)
            if end is None:
                return
            if end == after:
                raise FeedbackError(f"{self.name}: GitHub gives the same page again and again. Run it later.")
            after = end

    def _agents(self, client: GitHubClient, page: list[Any]) -> list[tuple[str, int]]:
        """Node ids and numbers of the agent's pull requests in a page, and of those that the page's others revert."""
        found: dict[str, int] = {}
        reverted: set[int] = set()
        for node in page:
            number = node.get("number")
            place = f"{self.repository}#{number if isinstance(number, int) else '?'}"
            listed = parse_answer(ListedPull, node, place, self.problems)
            if listed is None:
                if isinstance(number, int):
                    self._ask_again(number)
                continue
            if self._is_agents(listed, node):
                found[listed.id] = listed.number
            if listed.merged and (said := revert_claim_of(listed.title, listed.body)) and said.is_plain_revert:
                reverted.update(said.numbers[:10])
        for known, number in self._by_number(client, sorted(reverted - set(found.values()))):
            found[known] = number
        return list(found.items())

    def _is_agents(self, listed: ListedPull, node: dict[str, Any]) -> bool:
        ignored: list[Problem] = []
        labels = [label.name for label in parse_nodes(PullLabel, node.get("labels"), "", ignored)]
        if self._identity.recognise_pull(listed.opened_by, labels, listed.body, may_push=listed.by_insider):
            return True
        for item in nodes_of(node.get("commits"), "", ignored):
            data = (
                {"oid": "0" * 40, **item["commit"]} if isinstance(item, dict) and _has_object(item, "commit") else None
            )
            first = parse_answer(CommitItem, {"commit": data}, "", ignored) if data else None
            if first and any(
                self._identity.recognise(*signature, may_push=listed.by_insider)
                for signature in first.commit.signatures
            ):
                return True
        return False

    def _by_number(self, client: GitHubClient, numbers: list[int]) -> list[tuple[str, int]]:
        """The agent's among these."""
        found = []
        for number in numbers:
            try:
                data = client.query(
                    queries.PULL_BY_NUMBER, {"owner": self._owner, "name": self._name, "number": min(number, 2**31 - 1)}
                )
            except MissingResource:
                continue  # an issue's number, or none
            except QueryTooLarge as error:
                self.problems.append(Problem(f"{self.repository}#{number}", f"left for the next time: {error}"))
                self._ask_again(number)
                continue
            repository = data.get("repository")
            node = repository.get("pullRequest") if isinstance(repository, dict) else None
            if not isinstance(repository, dict) or not isinstance(node, dict):
                continue
            self._main = _default_branch_of(repository)
            listed = parse_answer(ListedPull, node, f"{self.repository}#{number}", self.problems)
            if listed is None:
                self._ask_again(number)
            if listed and listed.number == number and self._is_agents(listed, node):
                found.append((listed.id, number))
        return found

    # What became of it.

    def _told(
        self,
        pulls: PullReader,
        people: Collaborators,
        client: GitHubClient,
        ids: list[tuple[str, int]],
        main: str | None,
    ) -> Iterator[Outcome]:
        for number, pull in pulls.read(ids):
            try:
                outcome = self._outcome(client, pull, people, main) if pull else None
            except (ValueError, ArithmeticError) as error:
                self.problems.append(Problem(f"{self.repository}#{number}", f"cannot be made sense of: {error}"))
                pull = outcome = None
            if pull and outcome is None:
                said = "its details do not say that it is the agent's, as the list did; left out, and asked for again"
                self.problems.append(Problem(f"{self.repository}#{number}", said))
            if outcome:
                yield outcome
            else:
                self._ask_again(number)

    def _ask_again(self, number: int) -> None:
        """Ask for it the next time, but not for ever: each costs requests, and the same answer tells no more."""
        before = self._before.get(str(number), "0")
        times = int(before) + 1 if before.isdecimal() else 2
        if times < _MAX_ATTEMPTS:
            self._again[str(number)] = str(times)
        else:
            self._again.pop(str(number), None)
            said = f"asked for {times} times in vain; it is left out until it changes"
            self.problems.append(Problem(f"{self.repository}#{number}", said))

    def _outcome(
        self, client: GitHubClient, pull: PullDetails, people: Collaborators, main: str | None
    ) -> Outcome | None:
        words = tuple(remarks_on(pull, people))
        story = story_of(pull, words, self._identity)
        if story is None:
            return None
        outcome = outcome_of_story(story, self.repository, main, words)
        if pull.facts.state not in ("OPEN", "CLOSED", "MERGED") or pull.facts.merged != (pull.facts.state == "MERGED"):
            said = f"says that it is {pull.facts.state[:20]!r} and merged: {pull.facts.merged}; recorded as unknown"
            self.problems.append(Problem(outcome.key, said, is_kept=True))
        if self._diffs:
            outcome = add_diffs(outcome, story, client)
        return assign_github_cause(outcome, pull)


def _default_branch_of(repository: dict[str, Any]) -> str | None:
    branch = repository.get("defaultBranchRef")
    name = branch.get("name") if isinstance(branch, dict) else None
    return name if isinstance(name, str) else None


def _has_object(item: dict[str, Any], name: str) -> bool:
    return isinstance(item.get(name), dict)


def _update_time_of(node: dict[str, Any]) -> datetime | None:
    try:
        moment = datetime.fromisoformat(str(node.get("updatedAt")))
        return moment if moment.tzinfo else None
    except ValueError:
        return None
