"""Shows the characters that would act on a terminal, instead of sending them to it."""

from __future__ import annotations

import re

_ACTING = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f"  # controls: escapes, bells, and returns that overwrite a line
    "\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069"  # what turns text around, and other line ends
    "\ud800-\udfff\U000e0000-\U000e007f]"  # half a character, and letters that nobody sees
)


def show_controls(text: str) -> str:
    r"""Return the text with every character that acts on a terminal written out, as in `\x1b`.

    Newlines and tabs stay.
    """
    return _ACTING.sub(lambda found: _write_out(ord(found[0])), text.replace("\r\n", "\n"))


def show_controls_in_json(text: str) -> str:
    r"""Return a JSON document with these characters as `\uXXXX`: it says the same, and is safe to print."""
    return _ACTING.sub(lambda found: _write_as_json(found[0]), text)


def _write_out(code: int) -> str:
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _write_as_json(character: str) -> str:
    units = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at] << 8 | units[at + 1]:04x}" for at in range(0, len(units), 2))
