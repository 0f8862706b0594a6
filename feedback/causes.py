"""Assigns a cause where people stated it in plain words.

The rest stays unknown, for a model or a person to judge.

Rules look at one sentence of a reviewer at a time, and at the messages of commits that changed or reverted the agent's
work. If two causes are found equally often, neither is assigned: unknown is better than a guess.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from feedback.cause_rules import BOT_RULES, COMMIT_RULES, IRRELEVANT_SENTENCE, REVERT_RULES, REVIEWER_RULES, CauseRules
from feedback.outcome import AGENT_CAUSES, Cause, Comment, Outcome, OutcomeEvidence, OutcomeKind, is_bot

_SENTENCE_END = re.compile(r"(?<=[.!?])\s+|\n+")
CauseClue = tuple[Cause, OutcomeEvidence]


def assign_cause(outcome: Outcome) -> Outcome:
    """Return the outcome with the cause that its data states; a known cause stays."""
    if outcome.cause is not Cause.UNKNOWN or not outcome.kind.came_back:
        return outcome
    found = [*_find_in_words(outcome), *_find_in_commits(outcome)]
    if outcome.kind is OutcomeKind.REJECTED:
        # A cause that is not the agent's fault is reason enough to close, whatever else reviewers wrote.
        found = [pair for pair in found if pair[0] not in AGENT_CAUSES] or found
    elif outcome.kind is OutcomeKind.REVISED:
        found = [pair for pair in found if pair[0] in AGENT_CAUSES]
    ranking = Counter(cause for cause, _ in found).most_common(2)
    if not ranking or (len(ranking) == 2 and ranking[0][1] == ranking[1][1]):
        return outcome
    best = ranking[0][0]
    return outcome.with_cause(best, "rule", tuple(evidence for cause, evidence in found if cause is best))


def _find_in_words(outcome: Outcome) -> Iterator[CauseClue]:
    reviewers = outcome.reviewer_words
    for comment in outcome.words:
        if comment in reviewers:
            yield from _find_in_sentences(comment, REVIEWER_RULES)
        elif is_bot(comment.author) and outcome.kind is OutcomeKind.REJECTED:
            yield from _find_in_sentences(comment, BOT_RULES)


def _find_in_sentences(comment: Comment, rules: CauseRules) -> Iterator[CauseClue]:
    for sentence in _SENTENCE_END.split(comment.text):
        if sentence.lstrip().startswith(">") or IRRELEVANT_SENTENCE.search(sentence):
            continue  # a quoted line is not the reviewer's own
        for cause, pattern in rules:
            if pattern.search(sentence):
                yield (
                    cause,
                    OutcomeEvidence(
                        kind="words",
                        text=sentence,
                        author=comment.author,
                        place=comment.place,
                        when=comment.when,
                        source="comment",
                    ),
                )


def _find_in_commits(outcome: Outcome) -> Iterator[CauseClue]:
    for item in outcome.evidence:
        subject, _, body = item.text.partition("\n")
        if item.kind == "person-commit" and outcome.kind is OutcomeKind.REVISED:
            yield from ((cause, item) for cause, pattern in COMMIT_RULES if pattern.search(subject))
        elif item.kind == "revert":
            yield from ((cause, item) for cause, pattern in REVERT_RULES if pattern.search(body))
