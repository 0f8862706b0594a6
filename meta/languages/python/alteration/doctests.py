"""Alters examples in documents: what a doctest wants to see printed."""

from __future__ import annotations

import doctest
import re
import secrets

from meta.languages.python.alteration.assertions import VALUE, Change
from meta.languages.python.alteration.literals import change_sign
from meta.languages.python.alteration.test_module import Splice

_SIGN = re.compile(rb"[A-Za-z0-9]")


def find_doctest_changes(path: str, source: bytes) -> list[Change]:
    """Return a change for each example of a document that wants something printed."""
    try:
        examples = doctest.DocTestParser().get_examples(source.decode("utf-8"), path)
    except (ValueError, UnicodeDecodeError):
        return []
    lines = source.split(b"\n")
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line) + 1)
    changes = []
    for example in examples:
        if not example.want or "..." in example.want:
            continue
        first = example.lineno + example.source.count("\n")
        begin, end = starts[first], starts[min(first + example.want.count("\n"), len(lines))]
        if signs := [m.start() for m in _SIGN.finditer(source, begin, end)]:
            place = secrets.choice(signs)
            changed = change_sign(source[place : place + 1].decode()).encode()
            changes.append(Change(VALUE, True, (Splice(path, place, place + 1, changed),)))
    return changes
