"""The stand-in's luck: what differs between two replays that began with the same words.

Drawn once a conversation, from the seed, the first request and how often that very request was seen before; carried
through the conversation in the ids of tool calls. So the server keeps nothing of a conversation, and the same requests
in the same order get the same answers, whoever sends them.
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
    """Four independent draws from [0, 1), as the hexadecimal number that they are read from."""

    digits: str

    @property
    def slips(self) -> bool:
        """Makes a small mistake."""
        return self._draw(0) < 0.08

    @property
    def is_curious(self) -> bool:
        """Looks at the house rules although nobody said so."""
        return self._draw(1) < 0.08

    @property
    def is_modest(self) -> bool:
        """Leaves alone what the ticket does not speak of, although nobody said so."""
        return self._draw(2) < 0.08

    @property
    def forgets(self) -> bool:
        """Forgets all files but the first."""
        return self._draw(3) < 0.05

    def _draw(self, number: int) -> float:
        return int(self.digits[4 * number : 4 * number + 4], 16) / 0x10000

    def call_id(self, step: str, number: int) -> str:
        """The id of a tool call, which carries the luck and the step that it belongs to."""
        return f"toolu_standin_{self.digits}_{step}_{number}"


class LuckDraws:
    """Draws the luck of conversations. Thread-safe."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._seen: Counter[str] = Counter()
        self._lock = threading.Lock()

    def luck(self, request: StandInRequest, body: bytes) -> Luck:
        """The luck of the conversation that the request, sent as `body`, belongs to."""
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
    """The step that a tool call belongs to; empty for ids of another making."""
    return call_id.split("_")[3] if _ID.match(call_id) else ""
