"""Why a pull request came back, where the data says so in plain words; otherwise unknown, for a model or a person.

A rule looks at one sentence of a reviewer at a time, and at what commits say that changed or reverted the agent's work.
If the sentences found point to different causes equally often, none is assigned: unknown is better than a guess.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from feedback.cause_rules import BESIDE_THE_POINT, BY_BOTS, BY_COMMITS, BY_REVERTS, BY_REVIEWERS, Rules
from feedback.records import AGENT_CAUSES, Cause, Comment, Evidence, Kind, Outcome
from feedback.words import is_bot

_SENTENCE = re.compile(r"(?<=[.!?])\s+|\n+")
Found = tuple[Cause, Evidence]


def assign_cause(outcome: Outcome) -> Outcome:
    """The outcome with the cause that its data states, or as it was. A cause that is already known stays."""
    if outcome.cause is not Cause.UNKNOWN or not outcome.kind.came_back:
        return outcome
    found = [*_from_words(outcome), *_from_commits(outcome)]
    if outcome.kind is Kind.REJECTED:
        # What is not the agent's doing explains a closing by itself, whatever else was said along the way.
        found = [pair for pair in found if pair[0] not in AGENT_CAUSES] or found
    elif outcome.kind is Kind.REVISED:
        found = [pair for pair in found if pair[0] in AGENT_CAUSES]
    ranking = Counter(cause for cause, _ in found).most_common(2)
    if not ranking or (len(ranking) == 2 and ranking[0][1] == ranking[1][1]):
        return outcome
    best = ranking[0][0]
    return outcome.with_cause(best, "rule", tuple(evidence for cause, evidence in found if cause is best))


def _from_words(outcome: Outcome) -> Iterator[Found]:
    reviewers = outcome.reviewer_words
    for comment in outcome.words:
        if comment in reviewers:
            yield from _in_sentences(comment, BY_REVIEWERS)
        elif is_bot(comment.author) and outcome.kind is Kind.REJECTED:
            yield from _in_sentences(comment, BY_BOTS)


def _in_sentences(comment: Comment, rules: Rules) -> Iterator[Found]:
    for sentence in _SENTENCE.split(comment.text):
        if sentence.lstrip().startswith(">") or BESIDE_THE_POINT.search(sentence):
            continue  # a quoted line is somebody else's sentence
        for cause, pattern in rules:
            if pattern.search(sentence):
                yield (
                    cause,
                    Evidence(
                        kind="words",
                        text=sentence,
                        author=comment.author,
                        place=comment.place,
                        when=comment.when,
                        source="comment",
                    ),
                )


def _from_commits(outcome: Outcome) -> Iterator[Found]:
    for item in outcome.evidence:
        subject, _, body = item.text.partition("\n")
        if item.kind == "person-commit" and outcome.kind is Kind.REVISED:
            yield from ((cause, item) for cause, pattern in BY_COMMITS if pattern.search(subject))
        elif item.kind == "revert":
            yield from ((cause, item) for cause, pattern in BY_REVERTS if pattern.search(body))
