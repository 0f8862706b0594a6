"""Gets edits from a model too small to write them, by asking for one sentence.

A model of one or two billion parameters cannot fill in a form or rewrite a file, but it can say what a failing agent
should have been told.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from meta.records.candidate import EditDraft
from meta.tune.propose.draft_format import block_quote, draft_edit
from meta.tune.propose.evidence import Failure, ProposerEvidence
from worker_agent.model import ChatMessage, Model, ModelRequest
from worker_agent.records import Usage

SENTENCE_PROMPT = Path(__file__).parents[1] / "prompts" / "proposer_sentence.md"
SENTENCE_FILE = "prompts/system.md"
"""Where the sentence goes: both protocols show this file to the worker."""
MAX_FAILURES_SHOWN = 6
"""How many failed tickets of one theme a question shows."""
MAX_REASON_CHARS = 300
MAX_SENTENCE_CHARS = 400
"""The most characters of a sentence; a longer reply is not one."""


class OneSentence:
    """Asks a short question for each edit, about one theme at a time."""

    def __init__(self, model: Model, max_tokens: int = 120) -> None:
        self._model, self._max_tokens = model, max_tokens
        self._asked: dict[str, tuple[str, str, list[Failure]]] = {}
        self._text = ""
        self.usage = Usage()
        self.model: str | None = None

    def propose(self, evidence: ProposerEvidence, surface: dict[str, str], most: int) -> Sequence[EditDraft]:
        self._text = surface.get(SENTENCE_FILE, "")
        by_theme: dict[str, list[Failure]] = defaultdict(list)
        for failure in evidence.failures:
            by_theme[failure.labels[0] if failure.labels else ""].append(failure)
        themes = sorted(by_theme, key=lambda theme: -len(by_theme[theme]))
        drafts = list[EditDraft]()
        for number in range(most if themes else 0):
            theme = themes[number % len(themes)]
            earlier = [*evidence.tried, *(draft.title for draft in drafts)]
            question = _question(self._text, by_theme[theme][:MAX_FAILURES_SHOWN], earlier)
            drafts.append(self._draft(question, theme, by_theme[theme][:MAX_FAILURES_SHOWN]))
        return drafts

    def revise(self, draft: EditDraft, objection: str) -> EditDraft | None:
        question, theme, failures = self._asked[draft.title]
        again = f"{question}\n\nYou answered: {draft.title}\nThat was rejected: {objection}"
        return self._draft(again, theme, failures)

    def _draft(self, question: str, theme: str, failures: list[Failure]) -> EditDraft:
        messages: list[ChatMessage] = [{"role": "user", "content": [{"type": "text", "text": question}]}]
        request = ModelRequest(
            system=SENTENCE_PROMPT.read_text("utf-8"), messages=messages, max_tokens=self._max_tokens
        )
        reply = self._model.ask(request)
        self.usage, self.model = self.usage + reply.usage, reply.model
        sentence = " ".join(reply.text.split()).strip("\"'`*- ")
        title = sentence[:120]
        self._asked[title] = (question, theme, failures)
        is_whole = not (reply.is_refusal or reply.is_cut_off)
        if not is_whole or not sentence or len(sentence) > MAX_SENTENCE_CHARS or "```" in sentence:
            return EditDraft(title, None, "it is not one sentence")
        return draft_edit(
            title,
            {SENTENCE_FILE: f"{self._text.rstrip()}\n\n{sentence}\n"},
            {SENTENCE_FILE: self._text},
            f"The agent fails on tickets of {theme or 'no theme'} because nothing tells it this.",
            [theme] if theme else [],
            [],
            [failure.ticket for failure in failures],
        )


def _question(instructions: str, failures: Sequence[Failure], earlier: Sequence[str]) -> str:
    shown = "\n\n".join(block_quote(failure.reason[:MAX_REASON_CHARS]) for failure in failures)
    tried = block_quote("\n".join(f"- {each[:200]}" for each in earlier[-12:]))
    parts = [f"# Instructions\n\n{block_quote(instructions)}", f"# What went wrong\n\n{shown}"]
    if tried:
        parts.append(f"# Tried before; say something else\n\n{tried}")
    return "\n\n".join([*parts, "# Your sentence"])
