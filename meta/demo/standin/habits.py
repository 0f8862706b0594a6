"""Reads from the prompts, sentence by sentence, what they tell an engineer to do.

Only these four habits change anything. Being an expert, careful, or thinking step by step does not.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_RULES = (
    r"contributing\b|house rules?|contribution guid\w+|style ?guide|coding (?:guidelines?|conventions?|standards|rules)"
    r"|(?:repo(?:sitory)?|project|team|codebase|library)(?:'s|s')?(?: own)? (?:\w+ )?"
    r"(?:rules|conventions|guidelines|standards)"
)
_LOOK = (
    r"read|consult|check|look (?:at|into|through|up)|open|study|review|start (?:with|from|by)|begin with|follow|obey"
    r"|respect|adhere to|comply with|stick to|go by|know|learn"
)
_ONE_FILE = r"(?:one|a single|1) (?:source |python )?(?:file|module)\b(?! at a time)"
_LIMIT = r"keep|stick|confine|limit|restrict|stay|only|at most|no more than|touch|change|edit|modify"
_DO = r"(?:change|touch|do|implement|edit|fix)"
_ASKED = r"(?:what|the (?:code|lines|behaviou?r))"
_NARROW = (
    r"(?:smallest|minimal|narrow(?:est)?) (?:possible )?(?:change|diff|edit|patch|fix)"
    rf"|{_DO}(?:ing)? (?:only|nothing but|just) {_ASKED}|only {_DO} {_ASKED}"
    r"|nothing (?:beyond|else|more)|leave (?:alone|everything else|the rest|(?:all )?other)"
    r"|(?:stay|keep) (?:narrow|(?:with)?in scope)|(?:beyond|outside) the ticket|what the ticket does not"
)
_WIDENING = r"refactor|clean up|tidy|rename|improve|restyle|(?:touch|change) (?:unrelated|other|anything)"
_RUN = (
    r"(?:re-?)?run(?:ning)? (?:\w+[ '’s]*){0,3}(?:tests?\b|test suite|run_tests|pytest)"
    r"|execut\w+ (?:\w+ ){0,3}(?:tests?\b|test suite|pytest)|run_tests\b|tests? (?:still |all )*pass\b"
)
_NOT = r"\b(?:do not|don't|don’t|never|no need|needn't|without|skip|ignore|avoid|not|nor)\b"
_NOT_BEFORE = r"\b(?:do not|don't|don’t|never|not)\b.*\b(?:without|before|until|unless)\b"
"""Two negatives: "never submit without ..." is a request."""


@dataclass(frozen=True)
class Habits:
    """What an engineer does because the prompts say so."""

    reads_rules: bool = False
    stays_narrow: bool = False
    keeps_to_one_file: bool = False
    runs_tests: bool = False


def read_habits(prompts: str) -> Habits:
    """Return the habits that these prompts ask for."""
    said = split_sentences(prompts)
    one_file = any(_asks_for_one_file(sentence) for sentence in said)
    return Habits(
        reads_rules=any(
            _has(_LOOK, sentence) and _has(_RULES, sentence) and not _negated(sentence) for sentence in said
        ),
        stays_narrow=one_file or any(_asks_for_narrow(sentence) for sentence in said),
        keeps_to_one_file=one_file,
        runs_tests=any(_has(_RUN, sentence) and not _negated(sentence) for sentence in said),
    )


def split_sentences(text: str) -> list[str]:
    """Split a prompt into sentences in lower case; each list item counts as one."""
    paragraphs = re.split(r"\n\s*\n|\n(?=\s*(?:[-*#]|\d+[.)]) )", text.lower())
    return [
        sentence for paragraph in paragraphs for sentence in re.split(r"(?<=[.!?;:])\s+", " ".join(paragraph.split()))
    ]


def _asks_for_one_file(sentence: str) -> bool:
    if _has(r"(?:any |all )?other files?", sentence):
        return _negated(sentence) or _has("leave", sentence)
    if _has(rf"more than {_ONE_FILE}", sentence):
        return _has(r"do not|don't|never|no|not|avoid", sentence)
    return _has(_ONE_FILE, sentence) and _has(_LIMIT, sentence) and not _negated(sentence)


def _asks_for_narrow(sentence: str) -> bool:
    if _has(_NARROW, sentence):
        return True
    return _has(_WIDENING, sentence) and _negated(sentence)


def _negated(sentence: str) -> bool:
    return bool(re.search(_NOT, sentence)) and not re.search(_NOT_BEFORE, sentence)


def _has(pattern: str, sentence: str) -> bool:
    return bool(re.search(rf"\b(?:{pattern})", sentence))
