"""Objects to noise: changed line endings, byte order marks, reformatted files."""

from __future__ import annotations

from collections import Counter

from meta.grading.acceptance.finding import Check, Need
from meta.grading.acceptance.submission_change import ChangedFile, SubmissionChange

WHOLE_FILE_SHARE = 0.6
"""Changing only the blanks of this share of a file's lines is noise; less may be a block that was indented."""

SMALL_FILE_LINES = 20
"""In a file with fewer lines, noise does not bother a reader."""

_BOM = b"\xef\xbb\xbf"


def _object_to(change: SubmissionChange, need: Need) -> str:
    return next((words for file in change.files if (words := _object_to_file(file))), "")


def _object_to_file(file: ChangedFile) -> str:
    before, after = file.before, file.after
    if before is None or after is None or file.binary:
        return ""
    if _has_mixed_endings(before) < _has_mixed_endings(after):
        return f"{file.path}: its line endings are mixed now"
    if before and after and _has_crlf(before) != _has_crlf(after):
        kinds = ("LF", "CRLF")
        return f"{file.path}: its line endings went from {kinds[_has_crlf(before)]} to {kinds[_has_crlf(after)]}"
    if after.startswith(_BOM) and not before.startswith(_BOM):
        return f"{file.path}: it begins with a byte order mark now"
    lines = [line for line in before.splitlines() if line.strip()]
    gone = Counter(lines) - Counter(after.splitlines())
    come = Counter(line for line in after.splitlines() if line.strip()) - Counter(lines)
    blanks_only = (_squeeze(gone) & _squeeze(come)).total()
    if len(lines) >= SMALL_FILE_LINES and blanks_only >= WHOLE_FILE_SHARE * len(lines):
        return f"{file.path}: {blanks_only} of its {len(lines)} lines changed in nothing but blanks"
    return ""


def _has_crlf(text: bytes) -> bool:
    return text.count(b"\r\n") * 2 > text.count(b"\n")


def _has_mixed_endings(text: bytes) -> bool:
    return 0 < text.count(b"\r\n") < text.count(b"\n")


def _squeeze(lines: Counter[bytes]) -> Counter[bytes]:
    found: Counter[bytes] = Counter()
    for line, count in lines.items():
        found[b"".join(line.split())] += count
    return found


NOISE = Check("noise", "line endings, byte order marks, and files in which only blanks changed", _object_to)
