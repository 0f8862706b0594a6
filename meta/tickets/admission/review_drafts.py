"""Lets a model draft review checks from a reviewer's words.

A draft counts for nothing until admission has tried it.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from feedback.outcome import Comment, Outcome
from feedback.quotation import quote_comment
from meta.records.ticket import ReviewCheck, Ticket
from worker_agent.model import ContextTooLong, ConversationRejected, Model, ModelRequest, ask_in_conversation

CHECKS_PROMPT = Path(__file__).with_name("prompts") / "review_checks.md"
MAX_DRAFTED_CHECKS = 5
MAX_REJECTED_DIFF_CHARS = 20_000


@dataclass(frozen=True)
class ModelCheckDrafter:
    """Asks the model for review checks. Several threads may use it."""

    model: Model

    def draft(self, ticket: Ticket, outcome: Outcome) -> tuple[ReviewCheck, ...]:
        """Return checks for a ticket whose rejected diff passes all else.

        There are none if no reviewer said anything. Raises `ModelUnavailable`, and `ModelMisconfigured` if the service
        cannot answer with these settings.
        """
        words = outcome.reviewer_words
        if not words:
            return ()
        question = {"role": "user", "content": [{"type": "text", "text": _write_question(ticket, words)}]}
        try:
            request = ModelRequest(CHECKS_PROMPT.read_text("utf-8"), [question], max_tokens=2048)
            reply = ask_in_conversation(self.model, request)
        except (ContextTooLong, ConversationRejected):
            return ()
        return parse_checks(reply.text, words)


def parse_checks(reply: str, words: tuple[Comment, ...]) -> tuple[ReviewCheck, ...]:
    """Return the checks of an answer.

    Those that cannot be read, or that quote what no reviewer wrote, are left out.
    """
    found = re.search(r"\[.*\]", reply, re.DOTALL)
    try:
        entries = json.loads(found[0]) if found else []
    except (ValueError, RecursionError):
        return ()
    checks = []
    for entry in entries[:MAX_DRAFTED_CHECKS]:
        said = _squeeze(str(entry.get("quote", ""))) if isinstance(entry, dict) else ""
        author = next((word.author for word in words if said and said in _squeeze(word.text)), None)
        if author is None:
            continue
        try:
            checks.append(ReviewCheck.model_validate({"files": "*", **entry, "author": author}))
        except ValidationError:
            continue
    return tuple(checks)


def _write_question(ticket: Ticket, words: tuple[Comment, ...]) -> str:
    parts = {
        "The ticket": _block_quote(f"{ticket.title}\n\n{ticket.body}"[:4000]),
        "The change that came back": _block_quote((ticket.rejected or "")[:MAX_REJECTED_DIFF_CHARS]),
        "What reviewers wrote": "\n\n".join(quote_comment(word) for word in words[:10]),
    }
    return "\n\n".join(f"# {head}\n\n{text}" for head, text in parts.items())


def _block_quote(text: str) -> str:
    return "\n".join(f"> {line}" for line in text.splitlines())


def _squeeze(text: str) -> str:
    return " ".join(text.split()).casefold()
