"""Keeps what somebody wrote from acting where it is posted: in a commit's message, a pull request or a comment.

Forges and bots act on what they find in a text, in titles and in code too, and a squash merge makes a commit message of
a pull request's. So whatever they look for is broken by a character of no width: a reader sees the same words.
"""

from __future__ import annotations

import re
import unicodedata

BREAK = "\u200b"
"""A character of no width, on which no forge acts. Dependabot and Renovate break mentions with it too."""

_CLOSING = (
    "clos(?:e|es|ed|ing)|fix(?:e[sd]|ing)?|resolv(?:e|es|ed|ing)|implement(?:s|ed|ing)?|complet(?:e|es|ed|ing)"
    "|address(?:es|ed|ing)?|finish(?:es|ed|ing)?|re-?opens?|reverts?"
)
_BREAKS = (
    r"@(?=[\w\[-])",  # @name, @team/name, @dependabot merge
    r"#(?=\w)",  # #7, owner/repo#7, AB#7, and #close for Jira
    r"&(?=#\w|[A-Za-z]\w*;)",  # &#64;name, once it is rendered
    r"!(?=\d)|(?<![\w)\]])[&%~](?=\d)",  # !7 and the like of GitLab
    r"\bGH-(?=\d)",
    r"/(?:issues|pulls?|merge_requests|work_items|epics|discussions|milestones?)/(?=[\w-])",
    r"!(?=\[)",  # an image, also by reference
    r"<(?=[A-Za-z/!?])",  # HTML
    r"^[^\S\n]*\[(?=[^\]\n]+\]:)",  # a reference that images and links may use
    r"^(?:[^\S\n]|[>*+-]|\d+[.)])*/(?=[A-Za-z])",  # /approve
    r"\[(?=[^\]\n]{0,40}\b(?:skip|no)\b[^\]\n]{0,40}\])",  # [skip ci], [ci skip], [no ci]
    r"\bNO_(?=CI\b)|--(?=(?:skip|ci|no)[_-](?:ci|skip)\b)",
    r"^[^\S\n]*(?:bors|jenkins|homu)(?=[\s,:])|\bok to (?=test\b)|\bretest (?=this\b)|^[^\S\n]*[!?](?=[a-z])",
    r"^(?:fixup|squash|amend|Revert(?= \"))(?=!| \")|\bThis reverts(?=\s)|^\((?=cherry picked)",
    r"^(?=---|diff -|Index: |From )",  # where `git am` stops reading a message
)
_FLAGS = re.IGNORECASE | re.MULTILINE
_ACTING = re.compile("|".join(f"(?:{each})" for each in _BREAKS), _FLAGS)
_CLOSING_LINE = re.compile(rf"^.*\b(?:{_CLOSING})\b.*$", _FLAGS)
_TRACKED = re.compile(r"\b[A-Z][A-Z0-9_]{1,14}-(?=\d)", re.IGNORECASE)
_TRAILER = re.compile(  # whatever git takes for one
    r"^[^\S\n]*(?:BREAKING CHANGE|[A-Za-z0-9][A-Za-z0-9-]*)(?=[^\S\n]*:(?!//))", _FLAGS
)
_LINE_ENDS = re.compile(r"\r\n?|[\v\f\x1c-\x1e\x85\u2028\u2029]")
_INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})


def make_inert(text: str) -> str:
    """Return the text so that no forge or bot acts on it.

    No line can become a trailer, close an issue, mention anybody, run a command, skip checks or load an image. Doing so
    twice changes nothing. Characters that nobody sees are left out.
    """
    text = _LINE_ENDS.sub("\n", text)
    if not text.isascii() or not text.isprintable():
        text = "".join(c for c in text if c in "\n\t" or unicodedata.category(c) not in _INVISIBLE)
    text = _CLOSING_LINE.sub(lambda line: _TRACKED.sub(_break_after, line[0]), text)  # Fixes ENG-7, for Jira and Linear
    return _TRAILER.sub(_break_after, _ACTING.sub(_break_after, text))


def _break_after(found: re.Match[str]) -> str:
    return found[0] + BREAK


def make_inert_line(text: str, limit: int = 200) -> str:
    """Return the text as one inert line of at most `limit` characters, for a title."""
    return make_inert(" ".join(text.split())[:limit].rstrip())
