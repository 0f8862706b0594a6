"""Recognises an edit that was tried before, in the same words or nearly so.

Two edits are compared by the words that they add to the surface and remove from it, regardless of spaces,
line breaks, capitals and punctuation. They are the same when `SAME_WORDS_SHARE` of these words agree and no other is a
number or reverses the meaning: "at most 3 files" is not "at most 30 files", and "run" is not "never run".
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping

from meta.records.candidate import Edit

SAME_WORDS_SHARE = 0.85
"""The least share of all their words that must agree for two edits to be the same."""

_TURNS = frozenset(
    (
        "not",
        "no",
        "never",
        "none",
        "don't",
        "dont",
        "without",
        "only",
        "unless",
        "except",
        "before",
        "after",
        "more",
        "less",
    )
)

WordCounts = Counter[tuple[str, str, str]]
"""(path, "+" or "-", word) and how often."""


def is_repeat(edit: Edit, earlier: Edit, surface: Mapping[str, str]) -> bool:
    """Whether `edit` repeats `earlier`; `surface` is what both change (path to text)."""
    if edit.changes == earlier.changes:
        return True
    if edit.changes.keys() != earlier.changes.keys():
        return False
    ours, theirs = word_changes(edit, surface), word_changes(earlier, surface)
    either = (ours | theirs).total()
    differing = {word for _, _, word in (ours - theirs) + (theirs - ours)}
    if not either or any(word in _TURNS or any(c.isdigit() for c in word) for word in differing):
        return False
    return (ours & theirs).total() / either >= SAME_WORDS_SHARE


def word_changes(edit: Edit, surface: Mapping[str, str]) -> WordCounts:
    """Count the words that the edit adds and removes."""
    found: WordCounts = Counter()
    for path, text in edit.changes.items():
        before, after = _words(surface.get(path, "")), _words(text or "")
        for sign, words in (("+", after - before), ("-", before - after)):
            found.update({(path, sign, word): count for word, count in words.items()})
    return found


def _words(text: str) -> Counter[str]:
    return Counter(re.findall(r"[\w'’]+", text.lower()))
