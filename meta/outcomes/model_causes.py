"""Causes by the model, where no rule could tell: one question for each pull request, and no cause without a quotation.

What the model says counts only if the words that it quotes truly stand in what it was shown; they become the evidence.
It is asked once about the same evidence; a person can correct it (`meta feedback correct`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from importlib.resources import files
from itertools import islice

from feedback.outcome import Cause, Comment, Outcome, OutcomeEvidence
from feedback.quotation import quote_comment
from meta.app import Context
from meta.gateway.models import explain_service_errors
from worker_agent.model import ContextTooLong, Model, ModelRequest

_MOST_WORDS = 20
_DIFF_CHARS = 6_000
_SHORTEST = 8
"""Letters and digits of a quotation; fewer would stand anywhere."""
_LONGEST = 400


def assign_causes_by_model(context: Context, limit: int) -> tuple[int, int]:
    """Ask about at most `limit` outcomes that have no cause yet, the newest first.

    Returns how many were asked about, and how many of these got one.

    Raises `MetaError` when the model's service refuses; what was judged until then is kept.
    """
    waiting = list(islice(_waiting(context), limit))
    if not waiting:
        return 0, 0
    model, found = context.models.proposer("cause"), 0
    for number, outcome in enumerate(waiting, 1):
        context.tell(f"asking why {outcome.key} came back ({number} of {len(waiting)})")
        with explain_service_errors("what was judged is kept"):
            try:
                judged = find_cause(model, outcome)
            except ContextTooLong:
                judged = outcome.with_cause(Cause.UNKNOWN, "model")
        context.store.outcomes.save(judged)
        found += judged.cause is not Cause.UNKNOWN
    return len(waiting), found


def _waiting(context: Context) -> Iterator[Outcome]:
    """Those that a model could say more about, the one that ended last first; read one by one."""
    return (outcome for outcome in context.store.outcomes.without_cause() if is_cause_open(outcome))


def is_cause_open(outcome: Outcome) -> bool:
    """Whether a model could say more: it came back, nobody has said why, and there is something to read."""
    return outcome.kind.came_back and outcome.cause_by is None and any(True for _ in _shown(outcome))


def find_cause(model: Model, outcome: Outcome) -> Outcome:
    """The outcome with the cause that the model can prove; otherwise unknown, and marked as asked."""
    system = files("meta.outcomes").joinpath("prompts", "cause.md").read_text("utf-8")
    text = render_cause_question(outcome)
    reply = model.ask(
        ModelRequest(
            system=system, messages=[{"role": "user", "content": [{"type": "text", "text": text}]}], max_tokens=1000
        )
    )
    cause, words = _read(reply.text)
    proof = _proof(outcome, words) if cause is not Cause.UNKNOWN else None
    if proof is None:
        return outcome.with_cause(Cause.UNKNOWN, "model")
    return outcome.with_cause(cause, "model", (proof,))


def render_cause_question(outcome: Outcome) -> str:
    """What the model is shown: everything that others wrote stands quoted, with its source."""
    head = f"A pull request of the agent was {outcome.kind.value}."
    return "\n\n".join(
        [
            head,
            "Its title:",
            quote_comment(_as_comment("title", outcome.title)),
            "Evidence:",
            *(text for text, _, _ in _shown(outcome)),
        ]
    )


def _shown(outcome: Outcome) -> Iterator[tuple[str, str, OutcomeEvidence]]:
    """Each piece of evidence: as it stands in the prompt, as plain text, and as a record."""
    for word in outcome.reviewer_words[:_MOST_WORDS]:
        yield (
            quote_comment(word),
            word.text,
            OutcomeEvidence(
                kind="words", text=word.text, author=word.author, place=word.place, when=word.when, source="comment"
            ),
        )
    for item in outcome.evidence:
        if item.kind in ("person-commit", "revert"):
            yield (
                quote_comment(_as_comment(f"{item.kind} by {item.author or 'somebody'}", item.text, item)),
                item.text,
                item,
            )
    if outcome.revision and outcome.revision.text.strip():
        text = outcome.revision.text[:_DIFF_CHARS]
        record = OutcomeEvidence(kind="revision", text=text[:2000], place=outcome.merged_sha, source="diff")
        yield quote_comment(_as_comment("what people changed before the merge", text)), text, record


def _as_comment(author: str, text: str, item: OutcomeEvidence | None = None) -> Comment:
    return Comment(author=author, text=text, place=item.place if item else None, when=item.when if item else None)


def _read(text: str) -> tuple[Cause, str]:
    """Cause and quotation of an answer; unknown for whatever cannot be read."""
    for found in re.finditer(r"\{[^{}]*\}", text):
        try:
            answer = json.loads(found[0])
            return Cause(answer["cause"]), str(answer.get("quote") or "")
        except (ValueError, KeyError, TypeError, RecursionError):
            continue
    return Cause.UNKNOWN, ""


def _proof(outcome: Outcome, words: str) -> OutcomeEvidence | None:
    """The piece of evidence in which the quoted words stand, cut down to them; None if they stand nowhere."""
    wanted = _plainly(words)
    if not len(re.sub(r"[\W_]+", "", wanted)) >= _SHORTEST or len(wanted) > _LONGEST:
        return None
    for _, text, record in _shown(outcome):
        if wanted in _plainly(text):
            return record.model_copy(update={"text": words.strip()})
    return None


def _plainly(text: str) -> str:
    """The text but for white space, case, and the marks that quoting and diffs put before lines."""
    return " ".join(" ".join(re.sub(r"^[>+\- ]+", "", line) for line in text.split("\n")).split()).casefold()
