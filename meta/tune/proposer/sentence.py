"""Edits from a model that is too small to write them: it says one sentence, and the edit is made from it.

A model of one or two billion parameters fills in no form and rewrites no file, but it can say what an agent that failed
like this should have been told.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from meta.tune.drafts import Draft, drafted, quoted
from meta.tune.evidence import Evidence, Failure
from worker_agent.model import Message, Model, Request
from worker_agent.records import Usage

PROMPT = Path(__file__).parents[1] / "prompts" / "proposer_sentence.md"
FILE = "prompts/system.md"
"""Where the sentence goes: both protocols show this file to the worker."""
SHOWN = 6
"""Failed tickets of one theme in a question."""
REASON_CHARS = 300
LONGEST = 400
"""Characters of a sentence; what is longer is no sentence."""


class OneSentence:
    """One short question for each edit, about the failures of one theme; the themes take turns, the largest first."""

    def __init__(self, model: Model, max_tokens: int = 120) -> None:
        self._model, self._max_tokens = model, max_tokens
        self._asked: dict[str, tuple[str, str, list[Failure]]] = {}
        self._text = ""
        self.usage = Usage()
        self.model: str | None = None

    def propose(self, evidence: Evidence, surface: dict[str, str], most: int) -> Sequence[Draft]:
        self._text = surface.get(FILE, "")
        by_theme: dict[str, list[Failure]] = defaultdict(list)
        for failure in evidence.failures:
            by_theme[failure.labels[0] if failure.labels else ""].append(failure)
        themes = sorted(by_theme, key=lambda theme: -len(by_theme[theme]))
        drafts = list[Draft]()
        for number in range(most if themes else 0):
            theme = themes[number % len(themes)]
            earlier = [*evidence.tried, *(draft.title for draft in drafts)]
            question = _question(self._text, by_theme[theme][:SHOWN], earlier)
            drafts.append(self._draft(question, theme, by_theme[theme][:SHOWN]))
        return drafts

    def revise(self, draft: Draft, objection: str) -> Draft | None:
        question, theme, failures = self._asked[draft.title]
        return self._draft(f"{question}\n\nYou said: {draft.title}\nThat was refused: {objection}", theme, failures)

    def _draft(self, question: str, theme: str, failures: list[Failure]) -> Draft:
        messages: list[Message] = [{"role": "user", "content": [{"type": "text", "text": question}]}]
        request = Request(system=PROMPT.read_text("utf-8"), messages=messages, max_tokens=self._max_tokens)
        reply = self._model.ask(request)
        self.usage, self.model = self.usage + reply.usage, reply.model
        sentence = " ".join(reply.text.split()).strip("\"'`*- ")
        title = sentence[:120]
        self._asked[title] = (question, theme, failures)
        if not sentence or len(sentence) > LONGEST or "```" in sentence:
            return Draft(title, None, "it is not one sentence")
        return drafted(
            title,
            {FILE: f"{self._text.rstrip()}\n\n{sentence}\n"},
            f"The agent fails on tickets of {theme or 'no theme'} because nothing tells it this.",
            [theme] if theme else [],
            [],
            [failure.ticket for failure in failures],
        )


def _question(instructions: str, failures: Sequence[Failure], earlier: Sequence[str]) -> str:
    shown = "\n\n".join(quoted(failure.reason[:REASON_CHARS]) for failure in failures)
    tried = quoted("\n".join(f"- {each[:200]}" for each in earlier[-12:]))
    parts = [f"# Instructions\n\n{quoted(instructions)}", f"# What came of its work\n\n{shown}"]
    if tried:
        parts.append(f"# Tried before, say something else\n\n{tried}")
    return "\n\n".join([*parts, "# Your sentence"])
