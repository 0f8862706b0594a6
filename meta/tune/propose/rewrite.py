"""Gets edits with a single question, from any model that can follow a format."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from meta.records.candidate import EditDraft
from meta.tune.propose.draft_format import parse_edits, render_question
from meta.tune.propose.evidence import ProposerEvidence
from worker_agent.model import ChatMessage, Model, ModelRequest
from worker_agent.records import Usage

REWRITE_PROMPT = Path(__file__).parents[1] / "prompts" / "proposer.md"


class Rewrite:
    """Makes one call for all edits, and one more for each rejected edit."""

    def __init__(self, model: Model, max_tokens: int = 8192) -> None:
        self._model, self._max_tokens = model, max_tokens
        self._messages: list[ChatMessage] = []
        self._surface: dict[str, str] = {}
        self.usage = Usage()
        self.model: str | None = None

    def propose(self, evidence: ProposerEvidence, surface: dict[str, str], most: int) -> Sequence[EditDraft]:
        self._surface = surface
        self._messages = [_said("user", render_question(evidence, surface, most))]
        return self._ask(surface)[:most]

    def revise(self, draft: EditDraft, objection: str) -> EditDraft | None:
        before = list(self._messages)
        request = f"Your edit {draft.title!r} was rejected: {objection}\nFix it and propose it again in the same form."
        self._messages.append(_said("user", request))
        again = self._ask(self._surface)
        self._messages = before  # each edit is revised from the same conversation
        return again[0] if again else None

    def _ask(self, surface: dict[str, str]) -> list[EditDraft]:
        system = REWRITE_PROMPT.read_text("utf-8")
        reply = self._model.ask(ModelRequest(system=system, messages=self._messages, max_tokens=self._max_tokens))
        self.usage, self.model = self.usage + reply.usage, reply.model
        self._messages.append(_said("assistant", reply.text or "(nothing)"))
        drafts = [] if reply.is_refusal else parse_edits(reply.text, surface)
        if reply.is_cut_off and drafts:
            drafts[-1] = EditDraft(
                drafts[-1].title, None, f"your answer was cut off at {self._max_tokens} tokens in it"
            )
        return drafts


def _said(role: str, text: str) -> ChatMessage:
    return {"role": role, "content": [{"type": "text", "text": text}]}
