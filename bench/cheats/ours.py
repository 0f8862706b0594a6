"""The same submissions, graded by `meta` in its sandbox."""

from __future__ import annotations

import subprocess
import tempfile
from functools import lru_cache
from pathlib import Path
from types import TracebackType
from typing import Literal

from bench.cheats.attack import Files, Submission
from bench.cheats.naive import lay_out, put_outside
from bench.cheats.shop import BASE, HIDDEN, HIDDEN_UNITTEST, RIGHT
from meta.environments.environment import build_environment
from meta.environments.workshop import Bench
from meta.grading.grader import grade_submission
from meta.records.replay import Graded
from meta.records.ticket import EnvironmentSpec, Grader, HiddenFile, Ticket
from worker_agent.git import META_IDENTITY
from worker_agent.records import Environment
from worker_agent.sandbox.job import Sandbox
from worker_agent.submission_diff import take_diff
from worker_agent.workspace import Template, make_template, open_workspace

Kind = Literal["functions", "unittest"]


@lru_cache
def own_environment() -> Environment:
    return build_environment(EnvironmentSpec(), Path(), "", Path())


class Judge:
    """A repository with a ticket, ready to grade; use it as a context manager."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self._folder = tempfile.TemporaryDirectory(prefix="cheats-", ignore_cleanup_errors=True)
        self.root = Path(self._folder.name)
        self.outside = put_outside(self.root)
        repository = self.root / "shop"
        lay_out(repository, BASE)
        for command in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "base"]):
            subprocess.run(
                ["git", *command], cwd=repository, check=True, env={"PATH": "/usr/bin:/bin", **META_IDENTITY}
            )
        self.template: Template = make_template(repository, "HEAD", self.root / "templates")
        self.gold = self.diff({"calc.py": RIGHT})

    def __enter__(self) -> Judge:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._folder.cleanup()

    def diff(self, files: Files) -> str:
        with tempfile.TemporaryDirectory(dir=self.root) as folder:
            workspace = open_workspace(self.template, Path(folder) / "submitting")
            lay_out(workspace.root, files)
            return take_diff(workspace)

    def ticket(self, kind: Kind) -> Ticket:
        prefix, hidden = "tests/test_calc.py::", HIDDEN
        if kind == "unittest":
            prefix, hidden = prefix + "TestCalc::", HIDDEN_UNITTEST
        return Ticket(
            id="calc",
            title="The sum is wrong",
            repo=str(self.root / "shop"),
            base_commit="HEAD",
            gold=self.gold,
            grader=Grader(
                fail_to_pass=(prefix + "test_add",),
                pass_to_pass=(prefix + "test_mul",),
                hidden=(HiddenFile(path="tests/test_calc.py", content=hidden.encode()),),
                seconds=60.0,
            ),
        )

    def submit(self, attack: Submission) -> Graded:
        diff = attack.diff(self.outside) if attack.diff else self.diff(attack.files)
        return self.grade(diff, attack.hidden)

    def grade(self, diff: str, kind: Kind = "functions") -> Graded:
        bench = Bench(self.template, own_environment(), self.sandbox, self.root / "scratch")
        return grade_submission(self.ticket(kind), diff, bench)
