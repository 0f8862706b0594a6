"""Measures what the merged change of a ticket took."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from meta.grading.acceptance.finding import Need
from meta.grading.acceptance.silencers import count_silencers
from meta.grading.acceptance.size import measure_file, weigh_line
from meta.grading.acceptance.submission_change import MAX_BASE_BYTES, ChangedFile
from meta.records.ticket import Ticket
from worker_agent.foreign_tree import read_regular_file

_PATH = re.compile(r"^\+\+\+ (?:b/)?([^\t\n]*)|^--- (?:a/)?([^\t\n]*)", re.MULTILINE)


def measure_merged_change(ticket: Ticket, base: Path) -> Need:
    """Return what the merged change took: its diff, and its tests, which the ticket hides."""
    lines, silencers = 0, 0
    for path, added, removed in _read_diff(ticket.gold or ""):
        lines += sum(map(weigh_line, (*added, *removed)))
        silencers += count_silencers(path, b"\n".join(added)) - count_silencers(path, b"\n".join(removed))
    for hidden in ticket.grader.hidden:
        file = ChangedFile(hidden.path, read_regular_file(base, hidden.path, MAX_BASE_BYTES), hidden.content)
        lines += measure_file(file)
        silencers += count_silencers(file.path, file.after or b"") - count_silencers(file.path, file.before or b"")
    return Need(lines, silencers)


def _read_diff(diff: str) -> Iterator[tuple[str, list[bytes], list[bytes]]]:
    """Yield each file of a diff with the lines that it adds and removes."""
    for part in re.split(r"^diff --git ", diff, flags=re.MULTILINE):
        head, _, hunks = part.partition("\n@@")
        names = [new or old for new, old in _PATH.findall(head) if (new or old) != "/dev/null"]
        lines = hunks.split("\n")
        added, removed = ([line[1:].encode() for line in lines if line[:1] == sign] for sign in "+-")
        yield (names[-1] if names else ""), added, removed
