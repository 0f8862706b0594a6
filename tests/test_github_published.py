"""What the slow GitHub tests lean on: held against GitHub's own description, a wrong request or answer is found."""

from __future__ import annotations

from typing import Any

import pytest

from tests.github import rest
from tests.github.published import wrong_in
from tests.github.server import Request

pytestmark = pytest.mark.slow
JSON = "application/json"
URL = "http://127.0.0.1:9"
ASKED = {"title": "Fix", "head": "work/issue-7", "base": "main", "body": "Done.", "draft": False}


def asked(
    method: str, path: str, status: int, answer: Any, body: Any = None, kind: str = "application/json"
) -> list[str]:
    return wrong_in([Request(method, path, {}, body, {}, status, kind, answer)])


def opened(**changed: Any) -> list[str]:
    answer = rest.whole_pull(rest.listed_pull(URL, "team/app", "main", ASKED, 50))
    return asked("POST", "/repos/team/app/pulls", 201, {**answer, **changed}, ASKED)


def test_a_true_answer_is_not_objected_to() -> None:
    assert opened() == []
    assert opened(merged_by=None, body=None) == []
    assert asked("GET", "/repos/team/app", 404, rest.missing()) == []
    assert asked("GET", "/repos/team/app/pulls/1", 200, "+x\n", kind="application/vnd.github.diff") == []


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"number": "50"}, "$.number: '50' is not of type 'integer'"),
        ({"title": None}, "$.title: None is not of type 'string'"),
        ({"state": "new"}, "'new' is not one of ['open', 'closed']"),
        ({"created_at": "yesterday"}, "is not a 'date-time'"),
        ({"html_url": "pull/50"}, "is not a 'uri'"),
        ({"head": "work/issue-7"}, "$.head: 'work/issue-7' is not of type 'object'"),
        ({"merged_by": {"login": "ann"}}, "is not valid under any of the given schemas"),
        ({"invented": 1}, "there is no field invented"),
    ],
)
def test_an_answer_that_github_does_not_give_is_named(changed: dict[str, Any], words: str) -> None:
    (wrong,) = opened(**changed)
    assert words in wrong
    assert wrong.startswith("the answer 201 to POST /repos/team/app/pulls")


def test_a_list_is_looked_at_item_by_item() -> None:
    listed = rest.listed_pull(URL, "team/app", "main", ASKED, 50)
    assert asked("GET", "/repos/team/app/pulls", 200, [listed]) == []
    found = asked("GET", "/repos/team/app/pulls", 200, [listed, listed | {"locked": 0, "merged": False}])
    assert [wrong.partition(": ")[2] for wrong in found] == [
        "$[1].locked: 0 is not of type 'boolean'",
        "there is no field merged",
    ]


@pytest.mark.parametrize(
    ("method", "path", "status", "kind", "body", "words"),
    [
        ("GET", "/repos/team/app", 418, JSON, None, "418 to GET /repos/team/app is not described"),
        ("GET", "/repos/team/app", 200, "text/html", None, "is never text/html"),
        ("GET", "/repos/team/app", 404, "", None, "is never without a type"),
        ("GET", "/repos/team/app/tea", 404, JSON, None, "there is no GET /repos/team/app/tea"),
        ("PUT", "/repos/team/app/pulls", 404, JSON, None, "there is no PUT /repos/team/app/pulls"),
        ("POST", "/app/installations/7/access_tokens", 0, "", {"permissions": {"issues": 1}}, "$.permissions.issues"),
        ("POST", "/repos/team/app/issues/7/comments", 0, "", {"text": "x"}, "'body' is a required property"),
    ],
)
def test_a_wrong_request_status_or_type_is_named(
    method: str, path: str, status: int, kind: str, body: Any, words: str
) -> None:
    answer = "<html>" if kind == "text/html" else rest.missing()
    assert words in "; ".join(asked(method, path, status, answer, body, kind))
