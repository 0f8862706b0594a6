"""Ask the model why pull requests came back, where no rule could tell.

A cause counts only if the words that the model quotes stand in what it was shown; they become the evidence. The model
is asked once about the same evidence, and a person can correct it (`meta feedback correct`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from importlib.resources import files
from itertools import islice

from feedback.outcome import Cause, Comment, Outcome, OutcomeEvidence
from feedback.quotation import quote_comment
from meta.gateway.metered_model import name_conversation
from meta.gateway.models import Models, explain_service_errors
from meta.project import Report
from meta.store.outcomes import Outcomes
from worker_agent.model import ContextTooLong, ConversationRejected, Model, ModelRequest, ask_in_conversation

_MAX_REMARKS = 20
_MAX_DIFF_CHARS = 6_000
_MIN_QUOTED = 8
"""Fewest letters and digits of a quotation; fewer would be found anywhere."""
_MAX_QUOTE_CHARS = 400


def assign_causes_by_model(outcomes: Outcomes, models: Models, limit: int, report: Report) -> tuple[int, int]:
    """Ask about at most `limit` outcomes without a cause, the newest first.

    Returns how many were asked about, and how many of these got one. Where nothing is asked, no model is needed. Raises
    `MetaError` when the service rejects the request, and `ServiceDown` when it does not answer; answers until then are
    kept.
    """
    waiting = list(islice(filter(is_cause_open, outcomes.without_cause()), limit))
    if not waiting:
        return 0, 0
    model, found = models.proposer("cause"), 0
    for number, outcome in enumerate(waiting, 1):
        report(f"asking why {outcome.key} came back ({number} of {len(waiting)})")
        question = f"the question why {outcome.key} came back"
        with explain_service_errors("causes found so far are kept"), name_conversation(question):
            try:
                judged = find_cause(model, outcome)
            except (ContextTooLong, ConversationRejected):
                judged = outcome.with_cause(Cause.UNKNOWN, "model")
        outcomes.save(judged)
        found += judged.cause is not Cause.UNKNOWN
    return len(waiting), found


def is_cause_open(outcome: Outcome) -> bool:
    """Return whether the model could tell more about this pull request.

    It came back, nobody has said why, and there is something to read.
    """
    return outcome.kind.came_back and outcome.cause_by is None and any(True for _ in _evidence_of(outcome))


def find_cause(model: Model, outcome: Outcome) -> Outcome:
    """Ask the model once, and return the outcome with the cause that it proves.

    Without a proof the cause is unknown. Either way the outcome is marked as asked about.
    """
    system = files("meta.outcomes").joinpath("prompts", "cause.md").read_text("utf-8")
    text = render_cause_question(outcome)
    question = {"role": "user", "content": [{"type": "text", "text": text}]}
    reply = ask_in_conversation(model, ModelRequest(system=system, messages=[question], max_tokens=1000))
    cause, words = _read(reply.text)
    proof = _find_proof(outcome, words) if cause is not Cause.UNKNOWN else None
    if proof is None:
        return outcome.with_cause(Cause.UNKNOWN, "model")
    return outcome.with_cause(cause, "model", (proof,))


def render_cause_question(outcome: Outcome) -> str:
    """What the model reads: everything that others wrote is quoted, with its source."""
    head = f"A pull request of the agent was {outcome.kind.value}."
    return "\n\n".join(
        [
            head,
            "Its title:",
            quote_comment(_as_comment("title", outcome.title)),
            "Evidence:",
            *(text for text, _, _ in _evidence_of(outcome)),
        ]
    )


def _evidence_of(outcome: Outcome) -> Iterator[tuple[str, str, OutcomeEvidence]]:
    """Each piece of evidence three times: as in the prompt, as plain text, and as a record."""
    for word in outcome.reviewer_words[:_MAX_REMARKS]:
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
        text = outcome.revision.text[:_MAX_DIFF_CHARS]
        record = OutcomeEvidence(kind="revision", text=text[:2000], place=outcome.merged_sha, source="diff")
        yield quote_comment(_as_comment("what people changed before the merge", text)), text, record


def _as_comment(author: str, text: str, item: OutcomeEvidence | None = None) -> Comment:
    return Comment(author=author, text=text, place=item.place if item else None, when=item.when if item else None)


def _read(text: str) -> tuple[Cause, str]:
    """The cause and the quotation of an answer; unknown where it cannot be read."""
    for found in re.finditer(r"\{[^{}]*\}", text):
        try:
            answer = json.loads(found[0])
            return Cause(answer["cause"]), str(answer.get("quote") or "")
        except (ValueError, KeyError, TypeError, RecursionError):
            continue
    return Cause.UNKNOWN, ""


def _find_proof(outcome: Outcome, words: str) -> OutcomeEvidence | None:
    """The piece of evidence that contains the quotation, cut down to it; `None` where none does."""
    wanted = _normalize(words)
    if not len(re.sub(r"[\W_]+", "", wanted)) >= _MIN_QUOTED or len(wanted) > _MAX_QUOTE_CHARS:
        return None
    for _, text, record in _evidence_of(outcome):
        if wanted in _normalize(text):
            return record.model_copy(update={"text": words.strip()})
    return None


def _normalize(text: str) -> str:
    """The text without the marks that quotations and diffs put before lines; white space and case are evened out."""
    return " ".join(" ".join(re.sub(r"^[>+\- ]+", "", line) for line in text.split("\n")).split()).casefold()
