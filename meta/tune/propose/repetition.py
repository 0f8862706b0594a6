"""Whether an edit was tried before, in these words or in others that say the same.

Two edits are compared by the words that they bring to the surface and those they take from it, whatever the spaces,
breaks, capitals and punctuation. They are the same when `SAME` of these words agree, and none of those that differ is a
number or turns the sense around: "at most 3 files" is not "at most 30 files", nor is "run" the same as "never run".
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping

from meta.records.candidate import Edit

SAME_WORDS_SHARE = 0.85
"""Share of the words (those that agree, of all that occur in either) from which two edits are one."""

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
    """Whether `edit` is `earlier` again; `surface` is what both would change, path to text."""
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
    """The words that the edit brings, and takes away."""
    found: WordCounts = Counter()
    for path, text in edit.changes.items():
        before, after = _words(surface.get(path, "")), _words(text or "")
        for sign, words in (("+", after - before), ("-", before - after)):
            found.update({(path, sign, word): count for word, count in words.items()})
    return found


def _words(text: str) -> Counter[str]:
    return Counter(re.findall(r"[\w'’]+", text.lower()))
