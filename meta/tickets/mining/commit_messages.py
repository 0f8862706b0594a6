"""Reads what people wrote into commits, in whatever encoding."""

from __future__ import annotations

import re

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
"""Control characters, which say nothing to a reader; tabs and line ends do."""


def decode_message(text: bytes) -> str:
    """Return a commit's message. What is not UTF-8, although git was told so, is read as Windows-1252."""
    try:
        message = text.decode("utf-8")
    except UnicodeDecodeError:
        message = text.decode("cp1252", "replace")
    return _CONTROL.sub("", message.replace("\r\n", "\n")).strip()
