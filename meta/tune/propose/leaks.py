"""Finds edits that give known tickets away: their names, tests, or solutions.

Such an edit would pass the tickets that it was made from and teach the agent nothing.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from meta.records.candidate import Edit
from meta.records.ticket import Ticket
from meta.surfaces.versions import Version
from worker_agent.surface import Surface

MIN_LEAK_LINES, MIN_LEAK_CHARS = 3, 40
"""This many consecutive lines of a known solution or hidden test, with this many characters, count as a leak."""


def find_leak(edit: Edit, parent: Version, tickets: Sequence[Ticket]) -> str | None:
    """Tell an edit's author what it gives away of these tickets; `None` if nothing."""
    added = "\n".join(_added(parent.surface, path, text) for path, text in edit.changes.items())
    lines = [plain for line in added.splitlines() if (plain := _plain(line))]
    whole, text = set(lines), " ".join(lines)
    for ticket in tickets:
        if re.search(rf"(?<![\w-]){re.escape(ticket.id)}(?![\w-])", added):
            return "it names a past ticket; an edit has to be general"
        tests = {t.rsplit("::", 1)[-1].split("[")[0] for t in ticket.grader.fail_to_pass}
        if any(len(test) > 8 and test in added for test in tests):
            return "it names a test of a past ticket; an edit has to be general"
        gold = [line[1:] for line in (ticket.gold or "").split("\n") if line[:1] == "+" and line[:3] != "+++"]
        hidden = [file.content.decode("utf-8", "replace") for file in ticket.grader.hidden if file.content]
        if any(_contains_run(whole, text, known) for known in (gold, *(file.splitlines() for file in hidden))):
            return "it contains a piece of a past solution; an edit has to be general"
    return None


def _contains_run(whole: set[str], text: str, known: Sequence[str]) -> bool:
    """Whether an edit contains a run of consecutive lines of a known text.

    Blank lines aside, each must be one of the edit's `whole` lines, or they must follow each other in its `text`.
    """
    lines: list[str] = []
    words: list[str] = []
    for line in filter(None, map(_plain, known)):
        lines = [*lines, line] if line in whole else []
        words = [*words, line] if line in text else []
        while words and " ".join(words) not in text:
            words = words[1:]
        if any(len(run) >= MIN_LEAK_LINES and sum(map(len, run)) >= MIN_LEAK_CHARS for run in (lines, words)):
            return True
    return False


def _plain(line: str) -> str:
    """Strip quotation and list marks from a line, and collapse its spaces."""
    return " ".join(line.strip().strip("`>*- ").split())


def _added(surface: Surface, path: str, text: str | None) -> str:
    """Return the lines that the edit adds to a file."""
    file = surface.root / path
    before = set(file.read_text("utf-8", "replace").splitlines()) if file.is_file() else set()
    return "\n".join(line for line in (text or "").splitlines() if line not in before)
