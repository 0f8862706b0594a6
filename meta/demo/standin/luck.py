"""Draws the stand-in's luck, which makes replays of the same request differ.

It is drawn once per conversation, from the seed, the first request, and how often that same request came before, and
carried along in the ids of tool calls. So the server keeps no conversation, and the same requests in the same order
get the same answers, whoever sends them.
"""

from __future__ import annotations

import hashlib
import re
import threading
from collections import Counter
from dataclasses import dataclass

from meta.demo.standin.request import StandInRequest, ToolUseBlock

_ID = re.compile(r"^toolu_standin_([0-9a-f]{16})_")


@dataclass(frozen=True)
class Luck:
    """Four independent draws from [0, 1), kept as one hexadecimal number."""

    digits: str

    @property
    def slips(self) -> bool:
        """Whether it makes a small mistake."""
        return self._draw(0) < 0.08

    @property
    def is_curious(self) -> bool:
        """Whether it looks at the house rules although nobody said so."""
        return self._draw(1) < 0.08

    @property
    def is_modest(self) -> bool:
        """Whether it leaves other things alone although nobody said so."""
        return self._draw(2) < 0.08

    @property
    def forgets(self) -> bool:
        """Whether it forgets all files but the first."""
        return self._draw(3) < 0.05

    def _draw(self, number: int) -> float:
        return int(self.digits[4 * number : 4 * number + 4], 16) / 0x10000

    def call_id(self, step: str, number: int) -> str:
        """Return the id of a tool call, which carries the luck and the step."""
        return f"toolu_standin_{self.digits}_{step}_{number}"


class LuckDraws:
    """Draws the luck of conversations. Thread-safe."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._seen: Counter[str] = Counter()
        self._lock = threading.Lock()

    def luck(self, request: StandInRequest, body: bytes) -> Luck:
        """Return the luck of the conversation of a request, sent as `body`."""
        for message in reversed(request.messages):
            for block in message.blocks:
                if isinstance(block, ToolUseBlock) and (found := _ID.match(block.id)):
                    return Luck(found[1])
        first = hashlib.sha256(body).hexdigest()
        with self._lock:
            count = self._seen[first]
            self._seen[first] += 1
        return Luck(hashlib.sha256(f"{self._seed} {first} {count}".encode()).hexdigest()[:16])


def step_of_call(call_id: str) -> str:
    """Return the step that a tool call belongs to; empty for ids made elsewhere."""
    return call_id.split("_")[3] if _ID.match(call_id) else ""
