"""The source that reads GitHub: reviews, comments and endings unknown to git.

source = GitHubSource("team/app", AgentIdentity(authors=("my-agent[bot]",)), GitHubAccess())
for outcome in source.outcomes(cursor):
    store(outcome)
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

from feedback.github.access import GitHubAccess
from feedback.github.answers import CommitItem, ListedPull, PullLabel, nodes_of, parse_answer, parse_nodes
from feedback.github.client import GitHubClient, QueryTooLarge
from feedback.github.diffs import add_diffs
from feedback.github.github_causes import assign_github_cause
from feedback.github.github_outcome import outcome_of_story
from feedback.github.pull_listing import ListingPlace, PullListing
from feedback.github.pull_story import PullStory
from feedback.github.pulls import PullDetails, PullReader
from feedback.github.remarks import Collaborators, remarks_on
from feedback.github.reversals import revert_claim_of
from feedback.identity import AgentIdentity
from feedback.outcome import Outcome
from feedback.problems import FeedbackError, Problem
from feedback.source import Cursor, check_cursor

GITHUB_FORMAT = 2
"""Increase this when the same answers would give other outcomes than before: then all are read again."""
_MAX_REVERTED_NUMBERS = 10
"""Pull requests that one revert may name."""
_MAX_ATTEMPTS = 7
"""Runs in which a pull request that cannot be read is asked for; then it is left until it changes."""


class GitHubSource:
    """The pull requests of `repository` ("owner/name"). A `FeedbackSource`.

    With `diffs`, also fetches the diffs of what came back, which a clone would give for free. `save_cursor` is called
    with the cursor after each page, once all of its outcomes are stored. After a run, `problems` says which answers
    could not be read.
    """

    def __init__(
        self,
        repository: str,
        identity: AgentIdentity,
        access: GitHubAccess,
        *,
        diffs: bool = True,
        save_cursor: Callable[[Cursor], None] = lambda cursor: None,
        report: Callable[[str], None] = lambda line: None,
    ) -> None:
        owner, _, name = repository.partition("/")
        if not owner or not name or "/" in name:
            raise FeedbackError(f"{repository!r} is not a GitHub repository. Write it as owner/name.")
        self.repository = repository
        self._identity, self._access, self._diffs = identity, access, diffs
        self._save_cursor, self._report = save_cursor, report
        self._place = ListingPlace()
        self._attempts: dict[str, str] = {}
        """Numbers to ask for again next time, and how many times that was in vain so far."""
        self._attempts_before: dict[str, str] = {}
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
        place = self._place
        position = {"after": place.after, "upto": place.read_until.isoformat(), "facts": self._facts_digest}
        return Cursor(source=self.name, position=json.dumps(position), seen=self._attempts)

    @property
    def _facts_digest(self) -> str:
        facts = [GITHUB_FORMAT, self._identity.model_dump(), self._diffs]
        return hashlib.sha256(repr(facts).encode()).hexdigest()[:16]

    def outcomes(self, since: Cursor | None = None) -> Iterator[Outcome]:
        """Yield outcomes that are new or have changed, least recently updated first.

        Raises `FeedbackError` if GitHub cannot be read; what was yielded by then stays valid.
        """
        check_cursor(since, self.name)
        self._attempts, self._attempts_before = {}, dict(since.seen) if since else {}
        self._started, self.problems, self._place = True, [], self._place_of(since)
        with GitHubClient(self._access, self._report) as client:
            listing = PullListing(client, self.repository, self.problems, self._report)
            reader = PullReader(client, self.repository, self.problems)
            people = Collaborators(client, self.repository)
            if waiting := [int(number) for number in self._attempts_before if number.isdecimal()]:
                yield from self._read_outcomes(self._find_by_number(listing, waiting), client, reader, people)
            for page in listing.pages(self._place):
                found = self._find_agents(listing, page.nodes)
                self._main = page.main
                yield from self._read_outcomes(found, client, reader, people)
                self._place = page.next_place
                if cursor := self.cursor:
                    self._save_cursor(cursor)

    def _place_of(self, cursor: Cursor | None) -> ListingPlace:
        try:
            position = json.loads(cursor.position) if cursor and cursor.position else {}
            if position and position["facts"] == self._facts_digest:
                return ListingPlace(position["after"], datetime.fromisoformat(position["upto"]))
        except (ValueError, KeyError, TypeError):
            self._report("the stored cursor cannot be read; reading all pull requests again")
        return ListingPlace()

    # Which pull requests are the agent's. Each is a node id and a number.

    def _find_agents(self, listing: PullListing, nodes: list[dict[str, Any]]) -> list[tuple[str, int]]:
        """Return the agent's pull requests on a page, and those that other pull requests on it revert."""
        found: dict[str, int] = {}
        reverted: set[int] = set()
        for node in nodes:
            number = node.get("number")
            place = f"{self.repository}#{number if isinstance(number, int) else '?'}"
            listed = parse_answer(ListedPull, node, place, self.problems)
            if listed is None:
                if isinstance(number, int):
                    self._ask_again(number)
                continue
            if self._is_agents(listed, node):
                found[listed.id] = listed.number
            claim = revert_claim_of(listed.title, listed.body) if listed.merged else None
            if claim and claim.is_plain_revert:
                reverted.update(claim.numbers[:_MAX_REVERTED_NUMBERS])
        found.update(self._find_by_number(listing, sorted(reverted - set(found.values()))))
        return list(found.items())

    def _find_by_number(self, listing: PullListing, numbers: list[int]) -> list[tuple[str, int]]:
        """Return those of these pull requests that are the agent's."""
        agents = []
        for number in numbers:
            place = f"{self.repository}#{number}"
            try:
                found = listing.find(number)
            except QueryTooLarge as error:
                self.problems.append(Problem(place, f"skipped, and asked for again next time: {error}"))
                self._ask_again(number)
                continue
            if found is None:
                continue
            node, self._main = found
            listed = parse_answer(ListedPull, node, place, self.problems)
            if listed is None:
                self._ask_again(number)
            elif listed.number == number and self._is_agents(listed, node):
                agents.append((listed.id, number))
        return agents

    def _is_agents(self, listed: ListedPull, node: dict[str, Any]) -> bool:
        ignored: list[Problem] = []
        labels = [label.name for label in parse_nodes(PullLabel, node.get("labels"), "", ignored)]
        if self._identity.recognise_pull(listed.opened_by, labels, listed.body, may_push=listed.by_insider):
            return True
        for item in nodes_of(node.get("commits"), "", ignored):
            if not isinstance(item, dict) or not isinstance(item.get("commit"), dict):
                continue
            commit = {"oid": "0" * 40, **item["commit"]}
            first = parse_answer(CommitItem, {"commit": commit}, "", ignored)
            for signature in first.commit.signatures if first else ():
                if self._identity.recognise(*signature, may_push=listed.by_insider):
                    return True
        return False

    # How they ended.

    def _read_outcomes(
        self, ids: list[tuple[str, int]], client: GitHubClient, reader: PullReader, people: Collaborators
    ) -> Iterator[Outcome]:
        for number, pull in reader.read(ids):
            place, outcome = f"{self.repository}#{number}", None
            if pull:
                try:
                    outcome = self._outcome(pull, client, people)
                    if outcome is None:
                        text = (
                            "its details do not say that it is the agent's, as the list did; skipped, and asked for"
                            " again next time"
                        )
                        self.problems.append(Problem(place, text))
                except (ValueError, ArithmeticError) as error:
                    self.problems.append(Problem(place, f"cannot be understood: {error}"))
            if outcome:
                yield outcome
            else:
                self._ask_again(number)

    def _ask_again(self, number: int) -> None:
        """Ask for it next time, but not for ever: each try costs requests, and the same answer says no more."""
        before = self._attempts_before.get(str(number), "0")
        attempts = int(before) + 1 if before.isdecimal() else 2
        if attempts < _MAX_ATTEMPTS:
            self._attempts[str(number)] = str(attempts)
        else:
            self._attempts.pop(str(number), None)
            text = f"asked for {attempts} times in vain; skipped until it changes"
            self.problems.append(Problem(f"{self.repository}#{number}", text))

    def _outcome(self, pull: PullDetails, client: GitHubClient, people: Collaborators) -> Outcome | None:
        """Return the outcome, or None if the pull request is not the agent's after all."""
        words = tuple(remarks_on(pull, people))
        story = PullStory.from_pull(pull, words, self._identity)
        if story is None:
            return None
        outcome = outcome_of_story(story, self.repository, self._main, words)
        facts = pull.facts
        if facts.state not in ("OPEN", "CLOSED", "MERGED") or facts.merged != (facts.state == "MERGED"):
            text = f"its state is {facts.state[:20]!r}, but merged is {facts.merged}; recorded as unknown"
            self.problems.append(Problem(outcome.key, text, is_kept=True))
        if self._diffs:
            outcome = add_diffs(outcome, story, client)
        return assign_github_cause(outcome, pull)
