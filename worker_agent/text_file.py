"""Text of a file as it is edited: bytes outside the edited passage never change.

A model writes lines that end in a line feed, and UTF-8. The file may have other line ends, a byte order mark, no line
end after its last line, or another encoding; all of that stays.
"""

from __future__ import annotations

import codecs
import re
from collections import Counter
from dataclasses import dataclass
from difflib import SequenceMatcher

_ANY_END, _BLANKS = r"(?:\r\n|\n|\r)", r"[^\S\r\n]*"
_LINE_END = re.compile(_ANY_END)
_MAX_LINES_COMPARED = 3000
_LINE = re.compile(r"[^\r\n]*(?:\r\n|\n|\r)|[^\r\n]+\Z")
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


@dataclass(frozen=True)
class FileText:
    """The text of a file, and the encoding that gives exactly its bytes."""

    text: str
    encoding: str

    def encode(self, text: str) -> bytes:
        """Return the bytes of a new text of the file.

        Raises `ValueError`, in words for the model, if the file's encoding cannot hold it.
        """
        try:
            return text.encode(self.encoding)
        except UnicodeEncodeError as error:
            bad = text[error.start : error.start + 1]
            raise ValueError(f"the file's encoding is {self.encoding}, which has no {bad!r}") from None


def decode_file(data: bytes) -> FileText:
    """Return the text of a file. Bytes that are not Unicode are taken for Latin-1, which has all 256."""
    marked = [encoding for mark, encoding in _MARKS if data.startswith(mark)]
    for encoding in (*marked, "utf-8"):
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if text.encode(encoding, "replace") == data:
            return FileText(text, encoding)
    return FileText(data.decode("latin-1"), "latin-1")


def replace_passage(text: str, old: str, new: str) -> str | None:
    """Return `text` with its one passage `old` replaced; `None` unless it occurs exactly once.

    Every line end matches every other, and `new` gets those of the passage. Trailing blanks are ignored if nothing
    matches otherwise, since models drop them. An empty `old` stands for an empty file.
    """
    if not old.strip():
        return new if not text.strip("\ufeff\r\n\t ") else None
    pieces = _LINE_END.split(old)
    hits = list(re.finditer(_ANY_END.join(map(re.escape, pieces)), text))
    if len(hits) != 1:
        lines = (_BLANKS + _ANY_END).join(
            re.escape(piece.rstrip()) for piece in (pieces if pieces[-1] else pieces[:-1])
        )
        end = rf"(?:{_ANY_END}|\Z)" if not pieces[-1] else r"(?=[\r\n]|\Z)"
        hits = list(re.finditer(rf"(?:(?<=[\r\n\ufeff])|\A){lines}{_BLANKS}{end}", text))
    if len(hits) != 1:
        return None
    [hit] = hits
    if "\r" not in old + new or hit[0] != old:
        new = _LINE_END.sub(_line_end_at(text, hit), new)
    if not pieces[-1] and not hit[0].endswith(("\r", "\n")):
        new = _strip_last_end(new)  # the last line of the file has no line end
    return text[: hit.start()] + new + text[hit.end() :]


def keep_line_ends(before: str, after: str) -> str:
    """Return a file's new text with the line ends and the byte order mark that its old text had.

    In a file of several line ends, lines that are in both texts keep theirs; the others get the most frequent one.
    """
    mark = "\ufeff" if before.startswith("\ufeff") else ""
    ends = Counter(_LINE_END.findall(before))
    usual = max(ends, key=lambda end: ends[end], default="\n")
    after = _LINE_END.sub(usual, after.removeprefix("\ufeff"))
    if len(ends) > 1:
        after = _keep_mixed_ends(split_lines(before.removeprefix(mark)), split_lines(after))
    if before.strip(mark) and not before.endswith(("\r", "\n")):
        after = _strip_last_end(after)
    return mark + after


def split_lines(text: str) -> list[str]:
    """Return the lines of a text with their line ends; only CR, LF and CR LF end a line."""
    return _LINE.findall(text)


def _line_end_at(text: str, hit: re.Match[str]) -> str:
    """Return the line end of the passage, or the next one after it, or the last before it."""
    found = _LINE_END.search(hit[0]) or _LINE_END.search(text, hit.end())
    if found:
        return found[0]
    before = _LINE_END.findall(text[: hit.start()])
    return str(before[-1]) if before else "\n"


def _keep_mixed_ends(before: list[str], after: list[str]) -> str:
    if max(len(before), len(after)) > _MAX_LINES_COMPARED:
        return "".join(after)
    bare_before, bare_after = ([line.rstrip("\r\n") for line in lines] for lines in (before, after))
    kept = list(after)
    for found in SequenceMatcher(None, bare_before, bare_after, autojunk=False).get_matching_blocks():
        for a, b in zip(range(found.a, found.a + found.size), range(found.b, found.b + found.size), strict=True):
            if before[a].endswith(("\r", "\n")):
                kept[b] = before[a]
    return "".join(kept)


def _strip_last_end(text: str) -> str:
    return re.sub(_ANY_END + r"\Z", "", text)
