"""What an attack is, and what it is tried on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from worker_agent.sandbox.job import Sandbox

Files = Mapping[str, str | None]
"""Path to text, or `None` to remove the file."""

Trusts = Literal["exit code", "summary", "junit", "run_tests.sh", "venv in the tree"]
"""What the naive grader goes by; the last two run the tests in another way and go by the exit code."""


@dataclass(frozen=True)
class Submission:
    """A change that does not solve the ticket and tries to pass. `beats`: the naive grader that it fools."""

    name: str
    tries: str
    files: Files
    beats: Trusts = "exit code"
    hidden: Literal["functions", "unittest"] = "functions"
    diff: Callable[[Path], str] | None = None
    """Instead of files: a diff, given a folder outside in which the solution lies as `solution.py`."""


@dataclass(frozen=True)
class Place:
    """Where code that wants out is run: with our sandbox and workspace, or naively."""

    naive: bool
    sandbox: Sandbox
    workspace: Path
    outside: Path
    """A folder of the harness, which no job has any business in."""


@dataclass(frozen=True)
class Escape:
    """Something that code in a workspace should not be able to do. `does` tries it and says whether it worked."""

    name: str
    tries: str
    does: Callable[[Place], bool]


Attack = Submission | Escape
