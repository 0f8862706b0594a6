"""Removes hidden markup, invisible characters and secrets from strangers' text.

Pure functions; cleaning twice changes nothing.
"""

from __future__ import annotations

import re
import unicodedata

from safeguards.masking import mask_secrets

MAX_TEXT_CHARS = 8_000
"""A longer comment is cut."""
MAX_LINE_CHARS = 300
"""A longer title, name or place is cut."""
CUT_MARK = " […]"
_MAX_PASSES = 10

_ZERO = r"0(?![\d.]*[1-9])"
_HIDING = (
    r"(?:\shidden(?=[\s=/>])|\sstyle\s*=[^<>]*(?:display\s*:\s*none|visibility\s*:\s*hidden"
    rf"|font-size\s*:\s*{_ZERO}|opacity\s*:\s*{_ZERO}))"
)
_HIDDEN_MARKUP = re.compile(
    r"<!--.*?(?:-->|\Z)"
    r"|<(script|style|template|noscript|details)\b[^<>]*>.*?(?:</\1\s*>|\Z)"
    rf"|<(?!(?:img|br|hr|input|source|link|meta)\b)([a-z][a-z0-9]*)\b[^<>]*?{_HIDING}[^<>]*>.*?(?:</\2\s*>|\Z)"
    r"|^[ \t]*\[(?://|comment)\]:[ \t]*[#<][^\n]*$",
    re.IGNORECASE | re.DOTALL | re.MULTILINE,
)
# HTML that forges render. Other angle brackets (`List<str>`, email addresses) are text.
_TAG = re.compile(
    r"</?(?:a|abbr|b|blockquote|br|center|code|dd|del|details|div|dl|dt|em|font|form|h[1-6]|hr|i|iframe|img|input|ins"
    r"|kbd|li|link|meta|object|ol|p|picture|pre|q|s|samp|script|small|source|span|strike|strong|style|sub|summary|sup"
    r"|svg|table|tbody|td|template|tfoot|th|thead|title|tr|tt|u|ul|var|video)\b[^<>]*>",
    re.IGNORECASE,
)

# Line ends that terminals and `str.splitlines` honour, then letters that render blank but are not "format" characters.
_LINE_ENDS = re.compile(r"\r\n?|[\v\f\x1c-\x1e\x85\u2028\u2029]")
_BLANKS = re.compile(r"[\u115f\u1160\u3164\uffa0\u034f\u17b4\u17b5\u2800\ufe00-\ufe0f\U000e0100-\U000e01ef]")
_INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})


def _drop_invisible(text: str) -> str:
    """Return the text without control, format (zero-width, bidi, tag) and unassigned characters."""
    text = _BLANKS.sub("", _LINE_ENDS.sub("\n", text))
    if text.isascii() and text.isprintable():
        return text
    return "".join(c for c in text if c in "\n\t" or unicodedata.category(c) not in _INVISIBLE)


def _run_pass(text: str) -> str:
    text = _drop_invisible(text)
    text = _HIDDEN_MARKUP.sub("", text)
    text = _TAG.sub("", text)
    return mask_secrets(text)


def clean_text(text: str, limit: int = MAX_TEXT_CHARS) -> str:
    """Return text without hidden markup, HTML tags, invisible characters or secrets.

    Anything beyond `limit` characters is cut. Removing one thing can uncover another (`<!<!-- -->-- … -->`), so passes
    repeat until nothing changes; text that nests deeper than people write loses its angle brackets.
    """
    text = text[: limit * 4]
    for _ in range(_MAX_PASSES):
        if (once := _run_pass(text)) == text:
            break
        text = once
    else:
        text = _run_pass(text.replace("<", "").replace(">", ""))
    text = text.strip()
    if len(text) <= limit:
        return text
    return text[: limit - len(CUT_MARK)].rstrip() + CUT_MARK


def clean_line(text: str, limit: int = MAX_LINE_CHARS) -> str:
    """Return cleaned text as one line, for titles, names and places."""
    return " ".join(clean_text(text, limit * 4).split())[:limit].strip()
