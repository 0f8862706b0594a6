"""Checks and collects what `inside/referee.py` sends through the report pipe.

A line is "<mac> <payload>". The MAC covers the line's place in the sequence, so that nothing can be left out, repeated
or forged unnoticed.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from meta.languages.test_run import TestReport


@dataclass
class ReportPipe:
    """Collects the lines of one run as they arrive."""

    key: bytes
    on_test: Callable[[TestReport], None] | None = None
    started: bool = False
    """Whether the plugin had its orders before any code of the repository was imported."""
    collected: int | None = None
    collected_ids: tuple[str, ...] = ()
    twinned: frozenset[str] = frozenset()
    """The tests that got twins."""
    files_read: tuple[str, ...] = ()
    """Files of the workspace that the tests imported or opened, if that was asked for."""
    tests: list[TestReport] = field(default_factory=list)
    broken: dict[str, str] = field(default_factory=dict)
    """Files (or other collectors) that could not be collected, with the error's words."""
    running: str | None = None
    """The test that has begun but not ended."""
    finished: bool = False
    patched: str = ""
    """What had changed in the test runner when a test began or the run ended."""
    forged: int = 0
    """Lines that the plugin did not write."""
    _next: int = 0
    _rest: bytes = b""

    @property
    def timeouts(self) -> int:
        """How many tests have been ended for taking too long."""
        return sum(test.outcome == "timeout" for test in self.tests)

    def feed(self, chunk: bytes) -> None:
        """Take in what was read from the pipe."""
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        for line in lines:
            self._take_line(line)
        if len(self._rest) > 1 << 24:  # no report is that long
            self._rest, self.forged = b"", self.forged + 1

    def _take_line(self, line: bytes) -> None:
        mac, _, payload = line.partition(b" ")
        expected = hmac.new(self.key, b"%d:%s" % (self._next, payload), hashlib.sha256).hexdigest()[:32]
        if not hmac.compare_digest(mac, expected.encode()):
            self.forged += 1
            return
        self._next += 1
        self._take(json.loads(payload))

    def _take(self, record: dict[str, Any]) -> None:
        kind = record["k"]
        if kind == "hello":
            self.started = True
        elif kind == "collected":
            self.collected, self.collected_ids = record["count"], tuple(record["ids"])
            self.twinned = frozenset(record["twinned"])
        elif kind == "broken":
            self.broken[record["id"]] = record["why"]
        elif kind == "start":
            self.running = record["id"]
        elif kind == "test":
            self.running = None
            report = TestReport(record["id"], record["nth"], record["outcome"], record["why"], record["seconds"])
            self.tests.append(report)
            if self.on_test:
                self.on_test(report)
        elif kind == "patched":
            self.patched = self.patched or record["what"]
        elif kind == "end":
            self.finished, self.files_read = True, tuple(record["read"])
