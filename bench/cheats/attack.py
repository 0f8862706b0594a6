"""What an attack is, and where it is tried."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from bench.cheats.project import Files, Project
from bench.cheats.shop import CALC
from worker_agent.sandbox.job import Sandbox

Trusts = Literal["exit code", "summary", "junit", "run_tests.sh", "venv in the tree"]
"""What the naive grader trusts; the last two run the tests differently and trust the exit code."""


@dataclass(frozen=True)
class Submission:
    """A change that tries to pass without solving the ticket.

    `beats` is the naive grader that it fools.
    """

    name: str
    tries: str
    files: Files
    beats: Trusts = "exit code"
    project: Project = CALC
    diff: Callable[[Path], str] | None = None
    """Makes a diff in place of files, given an outside folder that holds the solution as `solution.py`."""


@dataclass(frozen=True)
class Place:
    """Where code that tries to escape runs: in our sandbox, or naively."""

    naive: bool
    sandbox: Sandbox
    workspace: Path
    outside: Path
    """A folder of the harness, which no job should reach."""


@dataclass(frozen=True)
class Escape:
    """Something that code in a workspace must not be able to do.

    `does` tries it and returns whether it worked.
    """

    name: str
    tries: str
    does: Callable[[Place], bool]


Attack = Submission | Escape
