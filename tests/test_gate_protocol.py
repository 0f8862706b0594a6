"""`python -m meta.gate`: one JSON object a line, through a real process."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest


class Process:
    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "meta.gate"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def say(self, line: object) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        text = line if isinstance(line, str) else json.dumps(line)
        self._process.stdin.write(text + "\n")
        self._process.stdin.flush()
        reply = json.loads(self._process.stdout.readline())
        assert isinstance(reply, dict)
        return reply

    def close(self) -> int:
        assert self._process.stdin is not None
        self._process.stdin.close()
        return self._process.wait(10)


@pytest.fixture
def gate() -> Iterator[Process]:
    process = Process()
    yield process
    assert process.close() == 0


P = [0.0] * 8 + [1.0] * 8
Q = [1.0] * 16
STALE = [[0.35 + 3 * x, 0.45 + 3 * (1 - x)] for x in P]


def decide(gate: Process, reply: dict[str, Any], q: list[float]) -> tuple[dict[str, Any], list[list[Any]]]:
    asked = []
    while "run" in reply:
        asked += reply["run"]
        reply = gate.say({"op": "outcomes", "y": [int((q if arm == "candidate" else P)[i]) for arm, i in reply["run"]]})
    return reply, asked


def test_a_candidate_is_decided_over_the_protocol(gate: Process) -> None:
    assert gate.say({"op": "incumbent", "n": 16, "alpha": 0.1, "stale": STALE}) == {}
    reply, asked = decide(gate, gate.say({"op": "candidate", "theme": list(range(8))}), Q)
    assert reply["accept"] is True
    assert reply["log_e"] >= 2.302585
    assert isinstance(reply["why"], str)
    assert {arm for arm, _ in asked} == {"candidate", "incumbent"}


def test_the_second_candidate_is_not_asked_for_the_draws_the_first_had_made(gate: Process) -> None:
    gate.say({"op": "incumbent", "n": 16, "alpha": 0.1, "stale": STALE})
    _, first = decide(gate, gate.say({"op": "candidate", "theme": list(range(8))}), Q)
    reply, second = decide(gate, gate.say({"op": "candidate", "theme": list(range(8))}), Q)
    assert reply["accept"] is True
    assert any(arm == "incumbent" for arm, _ in first)
    assert all(arm == "candidate" for arm, _ in second)
    gate.say({"op": "incumbent", "n": 16, "alpha": 0.1, "stale": STALE})
    _, third = decide(gate, gate.say({"op": "candidate", "theme": list(range(8))}), Q)
    assert third == first


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("nonsense", "invalid JSON"),
        ("[1]", "object"),
        ({"op": "dance"}, "op must be one of"),
        ({"op": "outcomes", "y": [0, 1]}, "outcomes: expected 1, got 2"),
        ({"op": "outcomes", "y": ["yes"]}, "numbers"),
        ({"op": "outcomes", "y": [7]}, "not 7"),
        ({"op": "outcomes"}, "must be a list"),
        ({"op": "candidate", "theme": [99]}, "outside 0 .. 15"),
        ({"op": "candidate", "theme": 3}, "must be a list"),
        ({"op": "incumbent", "n": 16, "alpha": 2}, "alpha"),
        ({"op": "incumbent", "n": 16, "alhpa": 0.1}, "unknown setting"),
        ({"op": "incumbent", "n": 3, "stale": [[1, 1]]}, "each of the 3"),
        ({"op": "incumbent", "n": 1, "stale": [[1]]}, "pair"),
        ({"op": "incumbent", "n": "many"}, "whole number"),
        ({"op": "incumbent"}, "whole number"),
        ({"op": "incumbent", "n": 10**12}, "at most"),
        ({"op": "incumbent", "n": 0}, "at least 1"),
        ({"op": "incumbent", "n": 2, "weights": [float("nan"), 1.0]}, "weights"),
        ({"op": "incumbent", "n": 2, "alpha": float("nan")}, "alpha"),
        ({"op": "incumbent", "n": 4, "budget": "much"}, "budget"),
    ],
)
def test_a_line_that_makes_no_sense_is_answered_in_words_and_nothing_is_lost(
    gate: Process, line: object, words: str
) -> None:
    gate.say({"op": "incumbent", "n": 16, "alpha": 0.1, "stale": STALE})
    gate.say({"op": "candidate", "theme": list(range(8))})
    before = gate.say({"op": "record"})
    reply = gate.say(line)
    assert list(reply) == ["error"]
    assert words in reply["error"]
    assert gate.say({"op": "record"}) == before
    assert "run" in gate.say({"op": "outcomes", "y": [1]})  # the test goes on where it was


def test_a_void_replay_is_null_and_counts_against_the_candidate(gate: Process) -> None:
    told = []
    for y in (None, 0):
        gate.say({"op": "incumbent", "n": 16, "alpha": 0.1, "stale": STALE})
        gate.say({"op": "candidate", "theme": list(range(8))})
        gate.say({"op": "outcomes", "y": [y]})
        (bet,) = gate.say({"op": "record"})["record"]["passes"][0]["bets"]
        told.append((bet["arm"], bet["outcome"], bet["log_factor"]))
    assert told[0] == told[1]


def test_steps_out_of_order_are_answered_in_words(gate: Process) -> None:
    assert "first give the incumbent" in gate.say({"op": "candidate", "theme": []})["error"]
    assert "no test is running" in gate.say({"op": "outcomes", "y": []})["error"]
    assert "no test to show" in gate.say({"op": "record"})["error"]


def test_the_record_of_a_test_can_be_asked_for(gate: Process) -> None:
    from meta.gate.gate_record import GateRecord
    from meta.gate.recomputation import recompute_evidence

    gate.say({"op": "incumbent", "n": 16, "alpha": 0.1, "stale": STALE})
    reply, _ = decide(gate, gate.say({"op": "candidate", "theme": list(range(8))}), Q)
    record = GateRecord.from_json(gate.say({"op": "record"})["record"])
    assert recompute_evidence(record) == pytest.approx(reply["log_e"], abs=1e-9)


def test_several_replays_are_asked_for_at_once_when_told_so(gate: Process) -> None:
    gate.say({"op": "incumbent", "n": 16, "alpha": 0.1, "stale": STALE, "parallel": 4})
    reply = gate.say({"op": "candidate", "theme": list(range(8))})
    assert len(reply["run"]) == 4
