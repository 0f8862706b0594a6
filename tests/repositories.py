"""Builds little repositories, and grades submissions to them in the real sandbox."""

from __future__ import annotations

import subprocess
import textwrap
import uuid
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path

from meta.environments.environment import build_environment
from meta.environments.workshop import Bench
from meta.grading.grader import Examination, examine_submission
from meta.languages.test_run import RunOptions
from meta.records.replay import Graded
from meta.records.ticket import EnvironmentSpec, Grader, HiddenFile, Ticket
from worker_agent.records import Environment
from worker_agent.sandbox.discovery import open_sandbox
from worker_agent.sandbox.job import Sandbox
from worker_agent.submission_diff import take_diff
from worker_agent.workspace import Template, make_template, open_workspace

Files = Mapping[str, str | None]
"""Path to text (dedented), or `None` to remove the file."""

CALC: Files = {
    "calc.py": "def add(a, b):\n    return a - b\n\n\ndef mul(a, b):\n    return a * b\n",
    "tests/test_calc.py": "from calc import mul\n\n\ndef test_mul():\n    assert mul(2, 3) == 6\n",
}
"""A project whose `add` is wrong and whose tests do not see it."""

FIXED = {"calc.py": "def add(a, b):\n    return a + b\n\n\ndef mul(a, b):\n    return a * b\n"}

HIDDEN: Files = {
    "tests/test_calc.py": """\
        from calc import add, mul


        def test_mul():
            assert mul(2, 3) == 6


        def test_add():
            assert add(2, 3) == 5
        """,
}

ADD, MUL = "tests/test_calc.py::test_add", "tests/test_calc.py::test_mul"


def write(root: Path, files: Files) -> None:
    """Write and remove files below a folder."""
    for path, text in files.items():
        target = root / path
        if text is None:
            target.unlink()
        else:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(textwrap.dedent(text))


class Repository:
    """A git repository in a temporary folder, with a base commit."""

    def __init__(self, folder: Path, files: Files, *, name: str = "shop") -> None:
        self.folder = folder
        self.path = folder / name
        self.path.mkdir(parents=True)
        self.git("init", "-q", "-b", "main")
        self.base = self.commit(files, "Begin")

    def git(self, *args: str, day: str = "2024-03-01") -> str:
        """Run git in the repository."""
        identity = {
            f"GIT_{who}_{what}": "someone@example.org" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")
        }
        dates = {"GIT_AUTHOR_DATE": f"{day}T12:00:00Z", "GIT_COMMITTER_DATE": f"{day}T12:00:00Z"}
        env = {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": str(self.folder), **identity, **dates}
        return subprocess.run(["git", *args], cwd=self.path, env=env, check=True, capture_output=True, text=True).stdout

    def commit(self, files: Files, message: str, *, day: str = "2024-03-01") -> str:
        """Commit changes; returns the commit's id."""
        write(self.path, files)
        self.git("add", "-A", "-f")
        self.git("commit", "-q", "--allow-empty", "-m", message, day=day)
        return self.git("rev-parse", "HEAD").strip()

    @cached_property
    def template(self) -> Template:
        return make_template(self.path, self.base, self.folder / "templates")

    def bench(self, environment: Environment | None = None) -> Bench:
        """A bench for the base, in the environment that runs these tests if no other is given."""
        return Bench(self.template, environment or own_environment(), sandbox(), self.folder / "scratch")

    def diff(self, files: Files) -> str:
        """The submission that makes these changes to the base."""
        workspace = open_workspace(self.template, self.folder / f"submitting-{uuid.uuid4().hex}")
        write(workspace.root, files)
        return take_diff(workspace)


class Judge:
    """Grades submissions to one ticket of a repository."""

    def __init__(self, repository: Repository, ticket: Ticket) -> None:
        self.repository, self.ticket = repository, ticket

    def examine(self, files: Files | str, max_timeouts: int | None = None) -> Examination:
        diff = files if isinstance(files, str) else self.repository.diff(files)
        return examine_submission(self.ticket, diff, self.repository.bench(), RunOptions(max_timeouts=max_timeouts))

    def grade(self, files: Files | str) -> Graded:
        return self.examine(files).graded


def judge(
    folder: Path,
    base: Files = CALC,
    hidden: Files = HIDDEN,
    *,
    fail_to_pass: tuple[str, ...] = (ADD,),
    pass_to_pass: tuple[str, ...] = (MUL,),
    gold: Files = FIXED,
    **limits: float,
) -> Judge:
    """A repository with one ticket, ready to judge."""
    repository = Repository(folder, base)
    return Judge(
        repository,
        Ticket(
            id="calc-1",
            title="The sum of two numbers is wrong",
            repo=str(repository.path),
            base_commit=repository.base,
            gold=repository.diff(gold),
            grader=Grader(
                fail_to_pass=fail_to_pass,
                pass_to_pass=pass_to_pass,
                hidden=tuple(
                    HiddenFile(path=path, content=None if text is None else textwrap.dedent(text).encode())
                    for path, text in hidden.items()
                ),
                **limits,
            ),
        ),
    )


_opened: list[Sandbox] = []


def sandbox() -> Sandbox:
    """The real sandbox, opened once."""
    if not _opened:
        _opened.append(open_sandbox())
    return _opened[0]


def own_environment() -> Environment:
    """The environment that runs these tests."""
    return build_environment(EnvironmentSpec(), Path(), "", Path())
