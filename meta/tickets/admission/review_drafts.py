"""Review checks drafted by a model from a reviewer's words. A draft counts for nothing until admission has tried it."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from feedback.outcome import Comment, Outcome
from feedback.quotation import quote_comment
from meta.records.ticket import ReviewCheck, Ticket
from worker_agent.model import ContextTooLong, Model, ModelRequest

CHECKS_PROMPT = Path(__file__).with_name("prompts") / "review_checks.md"
MAX_DRAFTED_CHECKS = 5
MAX_REJECTED_DIFF_CHARS = 20_000


@dataclass(frozen=True)
class ModelCheckDrafter:
    """Asks the model. May be used by several threads."""

    model: Model

    def draft(self, ticket: Ticket, outcome: Outcome) -> tuple[ReviewCheck, ...]:
        """Checks for a ticket whose rejected diff passes all else; none where no reviewer said anything.

        Raises `ModelUnavailable` and, when the service will never answer as things are set, `ModelMisconfigured`.
        """
        words = outcome.reviewer_words
        if not words:
            return ()
        question = {"role": "user", "content": [{"type": "text", "text": _question(ticket, words)}]}
        try:
            reply = self.model.ask(ModelRequest(CHECKS_PROMPT.read_text("utf-8"), [question], max_tokens=2048))
        except ContextTooLong:
            return ()
        return parse_checks(reply.text, words)


def parse_checks(reply: str, words: tuple[Comment, ...]) -> tuple[ReviewCheck, ...]:
    """The checks of an answer, those left out that cannot be read or that quote what no reviewer wrote."""
    found = re.search(r"\[.*\]", reply, re.DOTALL)
    try:
        entries = json.loads(found[0]) if found else []
    except ValueError:
        return ()
    checks = []
    for entry in entries[:MAX_DRAFTED_CHECKS]:
        said = _squeezed(str(entry.get("quote", ""))) if isinstance(entry, dict) else ""
        author = next((word.author for word in words if said and said in _squeezed(word.text)), None)
        if author is None:
            continue
        try:
            checks.append(ReviewCheck.model_validate({"files": "*", **entry, "author": author}))
        except ValidationError:
            continue
    return tuple(checks)


def _question(ticket: Ticket, words: tuple[Comment, ...]) -> str:
    parts = {
        "The ticket": _quoted(f"{ticket.title}\n\n{ticket.body}"[:4000]),
        "The change that came back": _quoted((ticket.rejected or "")[:MAX_REJECTED_DIFF_CHARS]),
        "What reviewers wrote": "\n\n".join(quote_comment(word) for word in words[:10]),
    }
    return "\n\n".join(f"# {head}\n\n{text}" for head, text in parts.items())


def _quoted(text: str) -> str:
    return "\n".join(f"> {line}" for line in text.splitlines())


def _squeezed(text: str) -> str:
    return " ".join(text.split()).casefold()
