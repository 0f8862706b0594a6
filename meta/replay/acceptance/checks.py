"""All acceptance checks of a ticket: which there are, and what they find."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from meta.records import Grader, Ticket
from meta.replay.acceptance.change import Change, ChangedFile
from meta.replay.acceptance.configured import TOOLS, usable
from meta.replay.acceptance.existing_tests import EXISTING_TESTS
from meta.replay.acceptance.finding import Finding
from meta.replay.acceptance.linters import Bench, lint
from meta.replay.acceptance.noise import NOISE
from meta.replay.acceptance.review import demand, look, provenance
from meta.replay.acceptance.size import SIZE
from meta.replay.acceptance.stray_files import STRAY_FILES
from meta.replay.acceptance.suppressions import SUPPRESSIONS

READING = {check.name: check for check in (EXISTING_TESTS, STRAY_FILES, NOISE, SIZE, SUPPRESSIONS)}
"""Checks that only read the change, and cost next to nothing."""

LOOKS_AT = "the repository's own program, on the Python files that the change touches; only new problems count"


def known(bench: Bench) -> tuple[str, ...]:
    """The names of all checks that could be made of a submission to this base."""
    return (*READING, *(tool.name for tool in usable(bench.template.tree, bench.environment)))


def described(grader: Grader) -> list[str]:
    """The grader's checks, each in one line for a person."""
    review = [f"review-{n}: {demand(check)}; {provenance(check)}" for n, check in enumerate(grader.review, 1)]
    return [f"{name}: {READING[name].looks_at if name in READING else LOOKS_AT}" for name in grader.checks] + review


def read(names: Iterable[str], change: Change, ticket: Ticket) -> list[Finding]:
    """The findings of those checks among `names` that only read the change, and of the ticket's review checks."""
    needed = needed_lines(ticket, change.base)
    return [READING[name].find(change, needed) for name in names if name in READING] + look(
        ticket.grader.review, change
    )


def use_tools(names: Sequence[str], change: Change, bench: Bench) -> list[Finding]:
    """The findings of those checks among `names` that run a program of the repository's choice."""
    wanted = [name for name in names if name in TOOLS]
    if not wanted:
        return []
    here = {tool.name: tool for tool in usable(bench.template.tree, bench.environment)}
    missing = [Finding(name, "void", "it is not installed any more") for name in wanted if name not in here]
    return missing + lint(change, [here[name] for name in wanted if name in here], bench)


def needed_lines(ticket: Ticket, base: Path) -> int:
    """Lines that the merged change added and removed, its tests included."""
    lines = (ticket.gold or "").splitlines()
    gold = sum(line[:1] in ("+", "-") and line[:4] not in ("+++ ", "--- ") for line in lines)
    return gold + sum(_in_hidden(base, file.path, file.content) for file in ticket.grader.hidden)


def _in_hidden(base: Path, path: str, content: bytes | None) -> int:
    file = base / path
    return ChangedFile(path, file.read_bytes() if file.is_file() else None, content).lines
