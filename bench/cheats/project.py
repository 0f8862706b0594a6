"""What a project with a ticket is, for cheats to attack."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

Files = Mapping[str, str | bytes | None]
"""Each path with its content, or `None` to remove the file."""


@dataclass(frozen=True)
class Project:
    """A small project with a bug, and the ticket that asks for its fix."""

    name: str
    base: Files
    hidden: Files
    fail_to_pass: tuple[str, ...]
    golds: Mapping[str, Files]
    """Honest changes, which must all pass; the first is the merged one."""
    pass_to_pass: tuple[str, ...] = ()
    shown_to: tuple[str, ...] = ("tests",)
    """What the naive grader gives pytest."""
    command: str = ""
    """Runs the tests in place of pytest, and leaves `report.xml`; the files in `protected` are taken from the base."""
    protected: tuple[str, ...] = ()
    plugins: bool = False
    """Whether pytest loads every plugin that is installed."""
    checks: bool = False
    """Whether the acceptance checks decide too; elsewhere the tests alone have to tell."""
