"""Objects to changes many times as large as the merged one."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator

from meta.grading.acceptance.finding import Check, Need
from meta.grading.acceptance.strength import parse_module
from meta.grading.acceptance.submission_change import ChangedFile, SubmissionChange

MAX_SIZE_FACTOR = 4
"""A submission may have this many times the lines of the merged change."""

ALWAYS_ALLOWED_LINES = 60
"""Lines that are always allowed on top: a one-line fix may come with a test and a docstring."""

LINE_BYTES = 120
"""A longer line counts as several."""


def weigh_line(line: bytes) -> int:
    """Count a line as what it would be if nobody wrote lines too long to read."""
    return max(1, -(-len(line.strip()) // LINE_BYTES))


def measure_file(file: ChangedFile) -> int:
    """Count lines added and removed; one that only moved counts as neither.

    A long line counts as several, and so does one with several statements. A binary file has none.
    """
    if file.binary:
        return 0
    before, after = (Counter((text or b"").splitlines()) for text in (file.before, file.after))
    return _weigh_lines(after - before, file.path, file.after) + _weigh_lines(before - after, file.path, file.before)


def _weigh_lines(lines: Counter[bytes], path: str, text: bytes | None) -> int:
    crowded = path.endswith((".py", ".pyi")) and any(b";" in line for line in lines)
    statements = dict(_count_statements(text or b"")) if crowded else {}
    return sum(count * max(weigh_line(line), statements.get(line, 1)) for line, count in lines.items())


def _count_statements(text: bytes) -> Iterator[tuple[bytes, int]]:
    """Yield lines on which several statements begin, and how many."""
    module, lines = parse_module(text), text.splitlines()
    begun = Counter(node.lineno for node in ast.walk(module) if isinstance(node, ast.stmt)) if module else {}
    yield from ((lines[number - 1], count) for number, count in begun.items() if count > 1 and number <= len(lines))


def _object_to(change: SubmissionChange, need: Need) -> str:
    limit = MAX_SIZE_FACTOR * need.lines + ALWAYS_ALLOWED_LINES
    sizes = {file.path: measure_file(file) for file in change.files}
    total = sum(sizes.values())
    if total <= limit:
        return ""
    largest = max(sizes, key=lambda path: sizes[path])
    return (
        f"it changes {total} lines where the merged change took {need.lines} (up to {limit} would do; "
        f"a long line counts as several); {sizes[largest]} of them in {largest}"
    )


SIZE = Check(
    "size",
    f"changed lines, at most {MAX_SIZE_FACTOR} times the merged change's and {ALWAYS_ALLOWED_LINES} more",
    _object_to,
)
