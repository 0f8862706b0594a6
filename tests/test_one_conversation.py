"""What one conversation meets is its own: other replays go on, and the person is told what it was."""

from __future__ import annotations

import json
import subprocess
from contextlib import closing
from typing import Any

import pytest

from meta.store.store import Store
from tests.desk import DONE, FIX, Desk
from tests.messages_server import Answer, call, error, message, serving, text


@pytest.fixture
def two_tickets(desk: Desk) -> Desk:
    desk.with_ticket()
    desk.with_ticket(id="odd", title="Odd words")
    return desk


def answer_work(body: dict[str, Any]) -> Answer:
    return (FIX, DONE)[min(sum(m["role"] == "assistant" for m in body["messages"]), 1)]


def is_odd(body: dict[str, Any]) -> bool:
    return "Odd words" in json.dumps(body["messages"])


ODD_ANSWERS: dict[str, tuple[Answer, str]] = {
    "rejected": (error(400, "invalid_request_error", "messages.0: strange"), "request rejected"),
    "forbidden": (error(403, "permission_error", "blocked by the firewall"), "request rejected"),
    "too long": (error(400, "invalid_request_error", "prompt is too long"), "context too long"),
    "too large": (error(413, "request_too_large"), "context too long"),
    "refused": (message(text("No."), stop_reason="refusal"), "refusal"),
    "blank": (message(), "no change"),
    "cut off": (message(call("submit", summary="x"), stop_reason="max_tokens"), "turn limit"),
    "lost": (message(stop_reason="tool_use"), "turn limit"),
}


@pytest.mark.parametrize("case", ODD_ANSWERS)
def test_one_conversation_fails_alone_and_says_why(two_tickets: Desk, case: str) -> None:
    odd, words = ODD_ANSWERS[case]
    with serving(
        lambda body, _: odd if is_odd(body) else answer_work(body) if "tools" in body else message(text("yes"))
    ) as served:
        two_tickets.point_at(served.url)
        code, out, err = two_tickets.meta("replay", "--json")
    assert code == 0, err
    assert json.loads(out)["outcomes"] == {"mean": [1], "odd": [0]}
    with closing(Store(two_tickets.root / "runs.db")) as store:
        found = {r.ticket: r for r in store.replays.all()}
    assert (found["mean"].verdict, found["odd"].verdict) == ("passed", "failed")
    assert words in found["odd"].reason
    assert "does not answer" not in found["odd"].reason


def test_a_version_whose_every_conversation_is_rejected_is_told_as_that(two_tickets: Desk) -> None:
    def answer(body: dict[str, Any], _: int) -> Answer:
        return error(400, "invalid_request_error", "tools.0: strange") if "tools" in body else message(text("yes"))

    with serving(answer) as served:
        two_tickets.point_at(served.url)
        code, _, err = two_tickets.meta("replay")
    assert code == 1
    assert "rejects every conversation of this version" in err
    assert "tools.0: strange" in err


def test_answers_without_counts_are_of_unknown_cost_in_the_ledger(desk: Desk) -> None:
    with (desk.root / "meta.toml").open("a") as settings:
        settings.write("[prices.m]\ninput = 1.0\noutput = 1.0\n")
    desk.with_ticket()
    with serving(lambda body, _: {**answer_work(body), "usage": None}) as served:  # type: ignore[dict-item]
        desk.point_at(served.url)
        code, out, err = desk.meta("replay", "--json")
    assert code == 0, err
    assert json.loads(out)["outcomes"] == {"mean": [1]}
    with closing(Store(desk.root / "runs.db")) as store:
        [replay] = store.replays.all()
        calls = store.calls.all()
        cost = store.replays.cost_of_night(None)
    assert replay.usage.usd is None
    assert cost.usd is None
    assert [(c.ended, c.usd) for c in calls] == [("answered", None)] * 2
    assert all(c.input_tokens + c.output_tokens == c.reserved_tokens for c in calls)


@pytest.mark.parametrize("harm", ["os._exit(0)", "os.kill(os.getpid(), 9)", "os.write(3, b'ok 2\\n[]')"])
def test_a_tool_that_does_harm_while_it_loads_fails_each_replay_of_its_version(desk: Desk, harm: str) -> None:
    desk.with_ticket()
    tool = desk.root / "worker_agent" / "tools" / "search.py"
    tool.write_text(f"import os\n\nos.closerange(5, 9)\n{harm}\n{tool.read_text()}")
    subprocess.run(["git", "commit", "-qam", "harm"], cwd=desk.root, check=True)
    with serving(lambda body, _: answer_work(body)) as served:
        desk.point_at(served.url)
        code, out, err = desk.meta("replay", "--json")
    assert (code, json.loads(out)["outcomes"]) == (0, {"mean": [0]}), err
    with closing(Store(desk.root / "runs.db")) as store:
        [replay] = store.replays.all()
    assert (replay.verdict, replay.ended) == ("failed", "bad_surface")
