"""Masks secrets in whatever is stored, logged or shown."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from safeguards.assigned_secrets import find_assigned, find_user_info
from safeguards.known_secrets import list_known_secrets
from safeguards.secret_shapes import Span, find_shapes

SECRET_MARK = "[redacted]"
_SHORTEST_TEXT, _SHORTEST_CUT = 6, 8


def mask_secrets(text: str) -> str:
    """Return the text with each secret in it replaced by a mark.

    It masks the values that are in use, and whatever has the shape of a key, token or password. A text of one megabyte
    takes some 40 ms. JSON stays JSON, and masking twice changes nothing.
    """
    return _mask(text, list_known_secrets()) if len(text) >= _SHORTEST_TEXT else text


def mask_row(row: Mapping[str, object], exact: Iterable[str] = ()) -> dict[str, object]:
    """Return a row of a table with its texts masked, except in the columns that have to stay exact."""
    exact = frozenset(exact)
    if not any(isinstance(value, str) and name not in exact for name, value in row.items()):
        return dict(row)
    known = list_known_secrets()
    return {n: _mask(v, known) if isinstance(v, str) and n not in exact else v for n, v in row.items()}


def adds_secret(before: str, after: str) -> bool:
    """Return whether a text has more secrets than it had before."""
    added = [mask_secrets(text).count(SECRET_MARK) - text.count(SECRET_MARK) for text in (before, after)]
    return added[1] > added[0]


def _mask(text: str, known: Iterable[str]) -> str:
    """The text masked, also where it was cut in the middle of a known value."""
    for value in known:
        if value in text:  # after a backslash, its first letter may be an escape in JSON
            text = re.sub(r"(?<!\\)" * value.startswith(tuple("bfnrtu")) + re.escape(value), SECRET_MARK, text)
        if (cut := text.find(value[:_SHORTEST_CUT], -len(value))) >= 0 and value.startswith(text[cut:]):
            text = text[:cut] + SECRET_MARK
    spans = sorted(_spans(text))
    if not spans:
        return text
    parts, end = [], 0
    for start, stop in spans:
        if start >= end:
            parts += [text[end:start], SECRET_MARK]
        end = max(end, stop)
    return "".join([*parts, text[end:]])


def _spans(text: str) -> Iterator[Span]:
    yield from find_shapes(text)
    yield from find_assigned(text)
    yield from find_user_info(text)
