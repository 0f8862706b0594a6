"""The gate over stdin and stdout, one JSON object per line, for outside audits.

    -> {"op":"incumbent","n":50,"alpha":0.1,"stale":[[a,b],...]}
    <- {}
    -> {"op":"candidate","theme":[ticket,...]}
    <- {"run":[["candidate"|"incumbent",ticket],...]}
    -> {"op":"outcomes","y":[0,1,...]}                           the outcomes of "run", in order
    <- {"run":[...]}  or  {"accept":true,"log_e":3.1,"why":"..."}
    -> {"op":"record"}
    <- {"record":{...}}                                          everything about this test, for an audit

"incumbent" empties the pool of incumbent draws. "stale" (Beta(a, b) for each ticket) and "weights" (average 1) are
optional, and so is every setting of `GateConfig` ("alpha", "stop", "k", "budget", "parallel", ...). In "y", null is a
void replay: it counts as 0 for the candidate and as 1 for the incumbent. An invalid line is answered with
{"error":"..."} and changes nothing.
"""

from __future__ import annotations

import io
import json
import sys
from dataclasses import dataclass, fields
from typing import Any, TextIO

from meta.gate.gate import MAX_GATE_TICKETS, Gate
from meta.gate.gate_record import GateConfig
from meta.gate.pool import Pool, PooledGate

CONFIG_FIELDS = {field.name: field for field in fields(GateConfig)}


@dataclass(frozen=True)
class AuditedIncumbent:
    """The incumbent that candidates are tested against."""

    n: int
    stale: list[tuple[float, float]] | None
    weights: list[float] | None
    config: GateConfig
    pool: Pool


class AuditProtocol:
    """Answers one line of input with one line of output."""

    def __init__(self) -> None:
        self._incumbent: AuditedIncumbent | None = None
        self._test: PooledGate | None = None

    def answer(self, line: str) -> dict[str, Any]:
        """Return the reply to one line of input; an invalid line changes nothing."""
        try:
            message = json.loads(line)
        except (ValueError, RecursionError) as error:
            return {"error": f"invalid JSON: {error}"}
        if not isinstance(message, dict):
            return {"error": 'expected an object like {"op": "candidate", "theme": [0, 3]}'}
        handlers = {
            "incumbent": self._take_incumbent,
            "candidate": self._take_candidate,
            "outcomes": self._take_outcomes,
            "record": self._show_record,
        }
        op = message.pop("op", None)
        if not isinstance(op, str) or op not in handlers:
            return {"error": f"op must be one of {', '.join(handlers)}, not {json.dumps(op)}"}
        try:
            return handlers[op](message)
        except (ValueError, TypeError, KeyError, OverflowError) as error:
            return {"error": f"{op}: {error}"}

    def _take_incumbent(self, message: dict[str, Any]) -> dict[str, Any]:
        n = _whole(message.pop("n", None), "n")
        stale = message.pop("stale", None)
        weights = message.pop("weights", None)
        for name in message:
            if name not in CONFIG_FIELDS:
                raise ValueError(f"unknown setting {name!r}; known: n, stale, weights, {', '.join(CONFIG_FIELDS)}")
        if "uncertain" in message:
            low, high = _numbers(message["uncertain"], "uncertain")
            message["uncertain"] = (low, high)
        for name, value in message.items():
            _check_type(name, value)
        if not 1 <= n <= MAX_GATE_TICKETS:
            raise ValueError(f"n must be at least 1 and at most {MAX_GATE_TICKETS}, not {n}")
        new = AuditedIncumbent(
            n=n,
            stale=None if stale is None else [_pair(each, i) for i, each in enumerate(_list(stale, "stale"))],
            weights=None if weights is None else _numbers(weights, "weights"),
            config=GateConfig(**message),
            pool=Pool(n),
        )
        Gate(n, prior=new.stale, weights=new.weights, config=new.config)  # raises for whatever a test would not accept
        self._incumbent, self._test = new, None
        return {}

    def _take_candidate(self, message: dict[str, Any]) -> dict[str, Any]:
        if self._incumbent is None:
            raise ValueError('first give the incumbent: {"op": "incumbent", "n": 50, "alpha": 0.1}')
        theme = [_whole(ticket, "theme") for ticket in _list(message.get("theme", []), "theme")]
        incumbent = self._incumbent
        gate = Gate(incumbent.n, theme, prior=incumbent.stale, weights=incumbent.weights, config=incumbent.config)
        self._test = PooledGate(gate, incumbent.pool)
        return self._state(self._test)

    def _take_outcomes(self, message: dict[str, Any]) -> dict[str, Any]:
        if self._test is None:
            raise ValueError('no test is running; start one: {"op": "candidate", "theme": []}')
        outcomes = [None if y is None else _number(y, "y") for y in _list(message.get("y"), "y")]
        self._test.tell(outcomes)
        return self._state(self._test)

    def _show_record(self, message: dict[str, Any]) -> dict[str, Any]:
        if self._test is None:
            raise ValueError('no test to show; start one: {"op": "candidate", "theme": []}')
        return {"record": self._test.gate.record().to_json()}

    @staticmethod
    def _state(test: PooledGate) -> dict[str, Any]:
        decision = test.decision
        if decision is None:
            return {"run": [list(request) for request in test.requests]}
        return {
            "accept": decision.accept,
            "log_e": decision.log_e,
            "why": decision.why,
            "scope": decision.scope,
            "voids": decision.voids,
        }


def _list(value: object, name: str) -> list[Any]:
    if not isinstance(value, list):
        raise ValueError(f"{name} must be a list")
    return value


def _number(value: object, name: str) -> float:
    if not isinstance(value, bool | int | float):
        raise ValueError(f"{name} must hold numbers, not {json.dumps(value, default=str)}")
    return float(value)


def _numbers(value: object, name: str) -> list[float]:
    return [_number(each, name) for each in _list(value, name)]


def _whole(value: object, name: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError(f"{name} must be a whole number, not {json.dumps(value, default=str)}")
    return value


def _pair(value: object, ticket: int) -> tuple[float, float]:
    numbers = _numbers(value, f"stale[{ticket}]")
    if len(numbers) != 2:
        raise ValueError(f"stale[{ticket}] must be a pair [a, b]")
    return numbers[0], numbers[1]


def _check_type(name: str, value: object) -> None:
    default = CONFIG_FIELDS[name].default
    if isinstance(default, bool):
        if not isinstance(value, bool):
            raise ValueError(f"{name} must be true or false")
    elif isinstance(default, int):
        _whole(value, name)
    elif isinstance(default, float):
        _number(value, name)


def converse(lines: TextIO, out: TextIO) -> None:
    """Answer line by line until the input ends."""
    protocol = AuditProtocol()
    for line in lines:
        if line.strip():
            print(json.dumps(protocol.answer(line)), file=out, flush=True)


def speak_gate_protocol() -> None:
    """Serve the protocol on stdin and stdout until the input ends."""
    if isinstance(sys.stdin, io.TextIOWrapper):
        sys.stdin.reconfigure(errors="replace")  # bytes that are not text are answered like any other invalid line
    try:
        converse(sys.stdin, sys.stdout)
    except (KeyboardInterrupt, BrokenPipeError):
        sys.exit(1)


if __name__ == "__main__":
    speak_gate_protocol()
