"""Odd, truncated, hostile and contradictory answers, payloads and lines: no crash, none lost, each bad one named."""

from __future__ import annotations

import contextlib
import json
import random
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feedback import AgentIdentity, Outcome
from feedback.github.causes import with_cause
from feedback.github.outcome import outcome_of, tell
from feedback.github.pull import Pulls
from feedback.github.said import People, words_of
from feedback.jsonl import parse_line
from feedback.problems import Problem
from meta.errors import MetaError
from meta.github.trigger import Trigger, trigger
from tests.github.answering import page
from tests.github.published import webhook_examples
from tests.github.world import comment, commit, event, pull, review, sha, thread

ROBO = AgentIdentity(authors=("robo[bot]",))
ODD = [
    None, True, 0, -1, 2**70, 1.5, "", "x", "\x00", "\ud800", "<!--", "2026-13-45T99:00:00Z", "0001-01-01T00:00:00Z",
    "9999-12-31T23:59:59Z", "@" * 1000, [], {}, [[]], [None], {"nodes": 7}, {"nodes": [7, None, {}]}, [[[[[[]]]]]],
    {"login": None}, {"__typename": "Bot"}, "MERGED", "OPEN", "CLOSED", "NONE",
]  # fmt: skip


class Answers:
    """In place of the network: every node is answered as it was made."""

    def __init__(self, nodes: list[Any]) -> None:
        self.nodes = nodes

    def query(self, text: str, variables: dict[str, Any]) -> dict[str, Any]:
        return {"nodes": self.nodes, "node": None}


def rich(number: int) -> dict[str, Any]:
    """A pull request with something of everything, its lists as connections."""
    made = pull(
        number, random.Random(number).choice(["MERGED", "CLOSED", "OPEN"]),
        comments=[comment("ann", "Please add tests.", number + 0.1)],
        reviews=[review("ann", "CHANGES_REQUESTED", "This breaks it.", number + 0.2, sha("a"))],
        reviewThreads=[thread("app.py", 3, comment("bob", "Why?", number + 0.3))],
        commits=[commit("a", "robo[bot]", "Fix", number), commit("b", "ann", "Mend", number + 0.4)],
        timelineItems=[event("ClosedEvent", "ann", number + 1)],
    )  # fmt: skip
    return connected(made)


def connected(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: connected(v) for name, v in value.items()}
    return page([connected(v) for v in value], {}) if isinstance(value, list) else value


def broken(seed: int) -> Any:
    """The same with one to four places spoiled, or cut short."""
    chance = random.Random(seed)
    node = rich(2)
    for _ in range(chance.randint(1, 4)):
        where: Any = node
        while True:
            keys = list(where) if isinstance(where, dict) else list(range(len(where)))
            if not keys:
                break
            key = chance.choice(keys)
            if isinstance(where[key], dict | list) and where[key] and chance.random() < 0.7:
                where = where[key]
                continue
            if isinstance(where, dict) and chance.random() < 0.2:
                del where[key]
            elif where is not node or key != "id":
                where[key] = chance.choice(ODD)
            break
    return node


def told(nodes: list[Any], ids: list[tuple[str, int]]) -> tuple[dict[int, Outcome], list[Problem]]:
    problems: list[Problem] = []
    found = {}
    people = People(None, "team/app")
    for number, read in Pulls(Answers(nodes), "team/app", problems).read(ids):  # type: ignore[arg-type]
        if read:
            words = tuple(words_of(read, people))
            story = tell(read, words, ROBO)
            if story:
                found[number] = with_cause(outcome_of(story, "team/app", "main", words), read)
            else:
                found[number] = None  # type: ignore[assignment]
    return found, problems


def check(seed: int) -> None:
    spoiled = broken(seed)
    found, problems = told([rich(1), spoiled, rich(3)], [("PR_1", 1), ("PR_2", 2), ("PR_3", 3)])
    assert found[1] is not None, seed
    assert found[3] is not None, seed
    assert all(p.place.startswith("team/app#2") or p.place == "team/app" for p in problems), seed
    assert 2 in found or problems, seed  # named, or read
    for outcome in found.values():
        if outcome is not None:
            assert Outcome.model_validate_json(outcome.model_dump_json()) == outcome, seed


def test_spoiled_answers_are_named_and_their_neighbours_kept() -> None:
    for seed in range(300):
        check(seed)


@pytest.mark.slow
def test_ten_thousand_spoiled_answers() -> None:
    for seed in range(10_000):
        check(seed)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=8,
)
GOOD: dict[str, Any] = {
    "action": "created", "issue": {"number": 7, "state": "open"}, "sender": {"login": "ann", "type": "User"},
    "comment": {"body": "@meta go", "user": {"login": "ann"}, "created_at": "2026-03-01T09:00:00Z"},
    "repository": {"full_name": "team/app"},
}  # fmt: skip
payloads = json_values | st.builds(
    lambda changes: GOOD | changes, st.dictionaries(st.sampled_from([*GOOD, "label"]), json_values, min_size=1)
)


def understood(payload: object) -> None:
    try:
        found = trigger(payload, "@meta", "meta")
    except MetaError:
        return
    if isinstance(found, Trigger):
        assert isinstance(found.when, datetime)
        assert found.who
    else:
        assert found


@settings(max_examples=200, deadline=None)
@given(payloads)
def test_no_payload_crashes_the_trigger(payload: object) -> None:
    understood(payload)


@pytest.mark.slow
@settings(max_examples=10_000, deadline=None)
@given(payloads)
def test_ten_thousand_payloads(payload: object) -> None:
    understood(payload)


@pytest.mark.slow
@settings(max_examples=10_000, deadline=None)
@given(st.dictionaries(st.sampled_from(["repository", "number", "title", "outcome", "comments", "cause"]), json_values))
def test_ten_thousand_lines_of_an_export(line: dict[str, Any]) -> None:
    with contextlib.suppress(ValueError):  # which names what is wrong
        parse_line(json.dumps(line).encode())


@pytest.mark.slow
def test_githubs_own_example_payloads_start_nothing_by_accident() -> None:
    """None of the published examples mentions the worker; each is understood, and some are of the kinds that count."""
    reasons = []
    for name, examples in webhook_examples().items():
        for payload in examples:
            try:
                found = trigger(payload, "@meta", "meta")
            except MetaError as error:
                found = error.message
            assert isinstance(found, str), name
            if name == "issue_comment":
                reasons.append(found)
    assert "the comment does not mention @meta" in reasons
