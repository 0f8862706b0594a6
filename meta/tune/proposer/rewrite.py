"""Edits from a single question: works with any model that can answer in the form it is shown."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from meta.tune.drafts import Draft, read, show
from meta.tune.evidence import Evidence
from worker_agent.model import Message, Model, Request
from worker_agent.records import Usage

PROMPT = Path(__file__).parents[1] / "prompts" / "proposer.md"


class Rewrite:
    """One call for all edits, and one more for each edit that was refused."""

    def __init__(self, model: Model, max_tokens: int = 8192) -> None:
        self._model, self._max_tokens = model, max_tokens
        self._messages: list[Message] = []
        self._surface: dict[str, str] = {}
        self.usage = Usage()
        self.model: str | None = None

    def propose(self, evidence: Evidence, surface: dict[str, str], most: int) -> Sequence[Draft]:
        self._surface = surface
        self._messages = [_said("user", show(evidence, surface, most))]
        return read(self._ask(), surface)[:most]

    def revise(self, draft: Draft, objection: str) -> Draft | None:
        before = list(self._messages)
        self._messages.append(
            _said("user", f"The edit {draft.title!r} was refused: {objection}\nWrite it again in the same form.")
        )
        again = read(self._ask(), self._surface)
        self._messages = before  # each edit is revised from the same conversation
        return again[0] if again else None

    def _ask(self) -> str:
        system = PROMPT.read_text("utf-8")
        reply = self._model.ask(Request(system=system, messages=self._messages, max_tokens=self._max_tokens))
        self.usage, self.model = self.usage + reply.usage, reply.model
        self._messages.append(_said("assistant", reply.text or "(nothing)"))
        return reply.text


def _said(role: str, text: str) -> Message:
    return {"role": role, "content": [{"type": "text", "text": text}]}
