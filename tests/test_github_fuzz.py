"""Odd, truncated, hostile and contradictory answers, payloads and lines: no crash, none lost, each bad one named."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feedback.github.access import GitHubAccess
from feedback.github.github_causes import assign_github_cause
from feedback.github.github_outcome import outcome_of_story
from feedback.github.github_source import GitHubSource
from feedback.github.pull_story import PullStory
from feedback.github.pulls import PullReader
from feedback.github.remarks import Collaborators, remarks_on
from feedback.identity import AgentIdentity
from feedback.jsonl import JsonlExport, parse_export_line
from feedback.outcome import Outcome
from feedback.problems import Problem
from feedback.reconciliation import reconcile
from meta.errors import MetaError
from meta.forges.github.trigger import Trigger, find_trigger
from tests.github.answering import page
from tests.github.published import webhook_examples
from tests.github.server import Fault, GitHubServer, Request, github
from tests.github.world import comment, commit, event, pull, review, sha, thread

ROBO = AgentIdentity(authors=("robo[bot]",))
ODD = [
    None,
    True,
    0,
    -1,
    2**70,
    1.5,
    "",
    "x",
    "\x00",
    "\ud800",
    "<!--",
    "2026-13-45T99:00:00Z",
    "0001-01-01T00:00:00Z",
    "9999-12-31T23:59:59Z",
    "@" * 1000,
    [],
    {},
    [[]],
    [None],
    {"nodes": 7},
    {"nodes": [7, None, {}]},
    [[[[[[]]]]]],
    {"login": None},
    {"__typename": "Bot"},
    "MERGED",
    "OPEN",
    "CLOSED",
    "NONE",
]


class Answers:
    """In place of the network: every node is answered as it was made."""

    def __init__(self, nodes: list[Any]) -> None:
        self.nodes = nodes

    def query(self, text: str, variables: dict[str, Any]) -> dict[str, Any]:
        return {"nodes": self.nodes, "node": None}


def pull_of(number: int, chance: random.Random) -> dict[str, Any]:
    """A pull request with something of everything."""
    return pull(
        number,
        chance.choice(["MERGED", "CLOSED", "OPEN"]),
        comments=[comment("ann", "Please add tests.", number + 0.1)],
        reviews=[review("ann", "CHANGES_REQUESTED", "This breaks it.", number + 0.2, sha("a"))],
        reviewThreads=[thread("app.py", 3, comment("bob", "Why?", number + 0.3))],
        commits=[commit("a", "robo[bot]", "Fix", number), commit("b", "ann", "Mend", number + 0.4)],
        timelineItems=[event("ClosedEvent", "ann", number + 1)],
    )


def rich(number: int) -> dict[str, Any]:
    """The same as it goes over the wire, its lists as connections."""
    made: dict[str, Any] = connected(pull_of(number, random.Random(number)))
    return made


def connected(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: connected(v) for name, v in value.items()}
    return page([connected(v) for v in value], {}) if isinstance(value, list) else value


def spoil(node: Any, chance: random.Random) -> None:
    """One to four places of it become something odd, or go."""
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
                where[key] = copy.deepcopy(chance.choice(ODD))
            break


def broken(seed: int) -> Any:
    """The same, spoiled."""
    node = rich(2)
    spoil(node, random.Random(seed))
    return node


def told(nodes: list[Any], ids: list[tuple[str, int]]) -> tuple[dict[int, Outcome], list[Problem]]:
    problems: list[Problem] = []
    found = {}
    people = Collaborators(None, "team/app")
    for number, read in PullReader(Answers(nodes), "team/app", problems).read(ids):  # type: ignore[arg-type]
        if read:
            words = tuple(remarks_on(read, people))
            story = PullStory.from_pull(read, words, ROBO)
            if story:
                found[number] = assign_github_cause(outcome_of_story(story, "team/app", "main", words), read)
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


# The same over HTTP: listing, details, recognition and joining as in a night.


def spoiling(served: GitHubServer, first: int) -> Callable[[Request], Fault | None]:
    """Answers in which every second pull request is spoiled: most in their details, every tenth in the listing."""

    def fault(request: Request) -> Fault | None:
        if not request.path.endswith("/graphql"):
            return None
        _, told, _ = served.answer(request)
        told = json.loads(json.dumps(told))
        data = told["data"] or {}
        for node in data.get("nodes") or []:
            if node and node["number"] % 2 == 0:
                spoil(node, random.Random(first + node["number"]))
        for edge in ((data.get("repository") or {}).get("pullRequests") or {}).get("edges", []):
            number = edge["node"]["number"]
            if number % 10 == 0:
                chance = random.Random(first + number)
                name = chance.choice(["id", "title", "updatedAt"])
                edge["node"][name] = chance.choice([None, [], {}, 7.5, True, "\x00" if name == "updatedAt" else 0])
        return Fault(200, json.dumps(told).encode())

    return fault


def check_over_http(first: int, size: int) -> int:
    """Two nights' reading of a world: the good ones are as without the bad, every bad one is read or named."""
    pulls = [pull_of(number, random.Random(first + number)) for number in range(1, size + 1)]
    with github(pulls=pulls, permissions={"ann": "write", "bob": "write"}) as served:
        access = GitHubAccess(base_url=served.url, retries=0)
        clean = {o.number: o for o in GitHubSource("team/app", ROBO, access, diffs=False).outcomes()}
        served.faults = spoiling(served, first)
        source = GitHubSource("team/app", ROBO, access, diffs=False)
        found = {o.number: o for o in source.outcomes()}
        named = {p.place.partition("#")[2].split(" ")[0].split("[")[0] for p in source.problems}
        assert len(clean) == size
        for number, outcome in clean.items():
            if number % 2:
                assert found.get(number) == outcome, (first, number)
            else:
                assert number in found or str(number) in named, (first, number)
        for outcome in found.values():
            git = outcome.model_copy(update={"words": (), "unknown_fields": ("words",)})
            both = reconcile({"github:x": outcome, "git:/x": git})
            assert Outcome.model_validate_json(both.model_dump_json()) == both, (first, outcome.number)
            assert both.words == outcome.words
        served.faults = lambda request: None
        again = {o.number: o for o in source_again(source, access)}
        unread = [number for number in clean if number not in found]
        assert all(again.get(number) == clean[number] for number in unread), first
    return size // 2


def source_again(source: GitHubSource, access: GitHubAccess) -> Iterator[Outcome]:
    return GitHubSource("team/app", ROBO, access, diffs=False).outcomes(source.cursor)


def test_spoiled_pull_requests_over_http_are_named_and_read_the_next_night(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_TOKEN", "x")
    assert check_over_http(0, 60) == 30


@pytest.mark.slow
def test_ten_thousand_spoiled_pull_requests_over_http(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_TOKEN", "x")
    assert sum(check_over_http(10_000 * world, 500) for world in range(40)) == 10_000


# Payloads of webhooks.


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=8,
)
GOOD: dict[str, Any] = {
    "action": "created",
    "issue": {"number": 7, "state": "open"},
    "sender": {"login": "ann", "type": "User"},
    "comment": {"body": "@meta go", "user": {"login": "ann"}, "created_at": "2026-03-01T09:00:00Z"},
    "repository": {"full_name": "team/app"},
}
payloads = json_values | st.builds(
    lambda changes: GOOD | changes, st.dictionaries(st.sampled_from([*GOOD, "label"]), json_values, min_size=1)
)


def understood(payload: object) -> bool:
    """Whether it starts the worker and says who and when, or is refused in words."""
    try:
        found = find_trigger(payload, "@meta", "meta")
    except MetaError as error:
        return bool(error.message)
    if isinstance(found, Trigger):
        return isinstance(found.when, datetime) and bool(found.who)
    return bool(found)


@settings(max_examples=200, deadline=None)
@given(payloads)
def test_no_payload_crashes_the_trigger(payload: object) -> None:
    assert understood(payload)


def may_start(payload: Any) -> bool:
    """Whether it says all that starts the worker, told apart from the code under test by what it was made from."""
    if payload.get("comment") is None:
        said = payload["action"] == "labeled" and payload["label"] == {"name": "meta"}
    else:
        same = payload["comment"]["user"]["login"] == payload["sender"]["login"]
        said = payload["action"] == "created" and same and "@meta" in payload["comment"]["body"]
    return bool(said and payload["issue"]["state"] == "open" and payload["issue"].get("pull_request") is None)


def check_payload(seed: int, recorded: list[dict[str, Any]]) -> int:
    """A payload that started the worker, spoiled in one to four places: it still says who, where and when, or is
    refused in words. Returns whether it was let through."""
    payload = json.loads(json.dumps(recorded[seed % len(recorded)]))
    spoil(payload, random.Random(seed))
    try:
        found = find_trigger(payload, "@meta", "meta")
    except MetaError as error:
        found = error.message
    if not isinstance(found, Trigger):
        assert found, seed
        return 0
    assert isinstance(found.when, datetime), seed
    assert found.who == payload["sender"]["login"], seed
    assert found.place.repository == payload["repository"]["full_name"], seed
    assert payload["sender"]["type"] == "User", seed
    assert may_start(payload), seed
    return 1


LABELLED = {k: v for k, v in GOOD.items() if k != "comment"} | {
    "action": "labeled",
    "label": {"name": "meta"},
    "issue": {"number": 7, "state": "open", "updated_at": "2026-03-01T09:00:00Z"},
}


def test_a_spoiled_payload_starts_nothing_that_it_does_not_say() -> None:
    assert 0 < sum(check_payload(seed, [GOOD, LABELLED]) for seed in range(1000)) < 1000


@pytest.mark.slow
def test_ten_thousand_spoiled_payloads() -> None:
    """Ours, and what GitHub publishes as examples, made to start the worker."""
    published = [
        {**example, "comment": {**example["comment"], "body": "@meta go"}}
        for example in webhook_examples()["issue_comment"]
        if example["action"] == "created"
    ]
    assert published
    for seed in range(10_000):
        check_payload(seed, [GOOD, LABELLED, *published])


# Lines of an export.


LINE: dict[str, Any] = {
    "repository": "team/app",
    "number": 1,
    "title": "Fix line 3",
    "outcome": "rejected",
    "author": "robo",
    "closed_at": "2026-03-01T10:00:00Z",
    "head_sha": sha("head"),
    "submitted_diff": "+x\n",
    "same_as_head": True,
    "comments": [{"author": "ann", "association": "MEMBER", "text": "Please add tests.", "path": "app.py", "line": 3}],
    "evidence": [{"kind": "label", "text": "wontfix"}],
    "cause": "weak_tests",
    "cause_by": "rule",
}
REFUSED: list[Callable[[random.Random], dict[str, Any]]] = [
    lambda chance: {chance.choice(["repository", "number", "title", "outcome"]): None},
    lambda chance: {chance.choice(["number", "outcome", "comments", "cause"]): chance.choice([7.5, "?", True])},
    lambda chance: {chance.choice(["closed_at", "opened_at"]): chance.choice(["2026-13-45T99:00:00Z", "then", [], {}])},
    lambda chance: {chance.choice(["title", "author", "url", "head_sha"]): chance.choice([7, [], {}, [[None]]])},
    lambda chance: {"comments": [*LINE["comments"], chance.choice([None, 7, {}, {"author": "x"}, [], "x"])]},
    lambda chance: {"number": chance.choice([0, -1, "", [], {}])},
]
"""Changes to a line after which it cannot be read."""


def bad_line(chance: random.Random) -> bytes:
    """A line that no record can be made from: another value, cut short, or no JSON at all."""
    whole = json.dumps(LINE).encode()
    way = chance.randrange(4)
    if way == 0:
        return whole[: chance.randrange(1, len(whole))]
    if way == 1:
        noise = bytes(chance.choice(b'{}[]":,\x00\xff\xc3x0') for _ in range(chance.randrange(1, 200)))
        return b"!" + noise
    if way == 2:
        return chance.choice(
            [
                b"null",
                b"7",
                b"[]",
                b'"x"',
                b"[" * 5000,
                b"\xff\xfe" + whole,
                b'{"a":' * 5000,
                whole * 2,
                b"NaN",
                b"\x00",
                b'{"number": ' + b"9" * 5000 + b"}",
                whole[:-1] + b", }",
                b"<!-- -->",
                whole.replace(b'"', b"'"),
            ]
        )
    return json.dumps(LINE | chance.choice(REFUSED)(chance)).encode()


def check_export(seed: int, folder: Path, lines: int = 100) -> int:
    """A file in which good and bad lines are mixed: every good one comes through as it was, every bad one is named."""
    chance = random.Random(seed)
    raw, good, bad = [], {}, set()
    for at in range(1, lines + 1):
        if chance.random() < 0.5:
            bad.add(at)
            raw.append(bad_line(chance))
        else:
            line = json.dumps(LINE | {"number": at, "title": f"Fix {chance.random()}"}).encode()
            good[at] = parse_export_line(line)[0]
            raw.append(line)
    file = folder / "outcomes.jsonl"
    file.write_bytes(chance.choice([b"\n", b"\r\n", b"\n\n"]).join(raw))
    blank = file.read_bytes().count(b"\n\n") > 0
    source = JsonlExport(file)
    assert {o.number: o for o in source.outcomes()} == good, seed
    named = {int(p.place.removeprefix(f"{file}:")): p for p in source.problems}
    assert {(at + 1) // 2 if blank else at for at in named} == bad, seed
    assert all(p.text and not p.is_kept and len(str(p)) < 1000 for p in source.problems), seed
    assert len(source.problems) == len(bad), seed
    assert not list(JsonlExport(file).outcomes(source.cursor)), seed
    return len(bad)


def test_bad_lines_among_good_ones_are_named_by_file_and_line(tmp_path: Path) -> None:
    assert sum(check_export(seed, tmp_path) for seed in range(3)) > 100


@pytest.mark.slow
def test_ten_thousand_bad_lines_among_as_many_good_ones(tmp_path: Path) -> None:
    assert sum(check_export(seed, tmp_path) for seed in range(205)) > 10_000


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(st.sampled_from(["repository", "number", "title", "outcome", "comments", "cause"]), json_values))
def test_no_line_of_an_export_crashes_the_reader(line: dict[str, Any]) -> None:
    try:
        found = str(parse_export_line(json.dumps(line).encode()))
    except ValueError as error:
        found = str(error)
    assert found, "it has to name what is wrong"


@pytest.mark.slow
def test_githubs_own_example_payloads_start_nothing_by_accident() -> None:
    """None of the published examples mentions the worker; each is understood, and some are of the kinds that count."""
    reasons = []
    for name, examples in webhook_examples().items():
        for payload in examples:
            try:
                found = find_trigger(payload, "@meta", "meta")
            except MetaError as error:
                found = error.message
            assert isinstance(found, str), name
            if name == "issue_comment":
                reasons.append(found)
    assert "the comment does not mention @meta" in reasons
