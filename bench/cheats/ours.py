"""The same submissions, graded by `meta` in its sandbox."""

from __future__ import annotations

import subprocess
import tempfile
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from threading import Lock
from types import TracebackType
from typing import Literal

from bench.cheats.attack import Submission
from bench.cheats.naive import lay_out, put_outside
from bench.cheats.project import Files, Project
from bench.cheats.shop import CALC
from meta.environments.environment import build_environment
from meta.environments.workshop import Bench
from meta.grading.grader import grade_submission
from meta.records.replay import Graded
from meta.records.ticket import Admission, EnvironmentSpec, Grader, HiddenFile, JUnit, Ticket
from meta.tickets.admission.proof import admit_ticket
from worker_agent.git import META_IDENTITY
from worker_agent.records import Environment
from worker_agent.sandbox.job import Sandbox
from worker_agent.submission_diff import RefusedDiff, take_diff
from worker_agent.workspace import Template, make_template, open_workspace

Standing = Literal["strong", "weak", "quarantined"]
"""What a ticket's verdicts are worth after admission."""


@lru_cache
def own_environment() -> Environment:
    return build_environment(EnvironmentSpec(), Path(), "", Path())


@dataclass(frozen=True)
class Result:
    """What became of a submission here."""

    scored: bool
    """Whether it passed on a ticket whose verdict is shown as strong."""
    why: str
    broken: bool = False
    """Whether nothing but a void replay or an error of ours refused it."""


class Desk:
    """One project, with its repository and its ticket, admitted when it is first asked for."""

    def __init__(self, project: Project, sandbox: Sandbox, root: Path) -> None:
        self.project, self.sandbox, self.root = project, sandbox, root
        self._lock = Lock()
        self._admitted: tuple[Admission, Ticket] | None = None
        repository = root / "shop"
        lay_out(repository, project.base)
        for command in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "base"]):
            subprocess.run(
                ["git", *command], cwd=repository, check=True, env={"PATH": "/usr/bin:/bin", **META_IDENTITY}
            )
        self.template: Template = make_template(repository, "HEAD", root / "templates")

    @property
    def bench(self) -> Bench:
        environment = own_environment()
        if self.project.plugins:
            spec = EnvironmentSpec(variables=(("PYTEST_DISABLE_PLUGIN_AUTOLOAD", ""),))
            environment = build_environment(spec, Path(), "", Path())
        return Bench(self.template, environment, self.sandbox, self.root / "scratch")

    @cached_property
    def ticket(self) -> Ticket:
        project = self.project
        junit = (
            JUnit(command=project.command, report="report.xml", protected=project.protected)
            if project.command
            else None
        )
        return Ticket(
            id="calc",
            title="The sum is wrong",
            repo=str(self.root / "shop"),
            base_commit="HEAD",
            gold=self.diff(next(iter(project.golds.values()))),
            grader=Grader(
                fail_to_pass=project.fail_to_pass,
                pass_to_pass=project.pass_to_pass,
                hidden=tuple(HiddenFile(path=p, content=_bytes(text)) for p, text in project.hidden.items()),
                seconds=60.0,
                junit=junit,
            ),
        )

    def admitted(self) -> tuple[Admission, Ticket]:
        """Return what admission says, and the ticket as it would be replayed."""
        with self._lock:
            if self._admitted is None:
                found, ticket = admit_ticket(self.ticket, self.bench, runs=1)
                if not self.project.checks:
                    ticket = ticket.with_grader(checks=())
                self._admitted = found, ticket
            return self._admitted

    @property
    def standing(self) -> Standing:
        found, ticket = self.admitted()
        if found.status != "admitted":
            return "quarantined"
        return "weak" if ticket.grader.weak else "strong"

    @property
    def doubt(self) -> str:
        """Why verdicts on this ticket are not strong."""
        found, ticket = self.admitted()
        return ticket.grader.weak or found.reason

    def diff(self, files: Files) -> str:
        with tempfile.TemporaryDirectory(dir=self.root) as folder:
            workspace = open_workspace(self.template, Path(folder) / "submitting")
            lay_out(workspace.root, files)
            return take_diff(workspace)

    def grade(self, diff: str) -> Graded:
        return grade_submission(self.admitted()[1], diff, self.bench)


class Judge:
    """Grades submissions to any project; use it as a context manager."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self._folder = tempfile.TemporaryDirectory(prefix="cheats-", ignore_cleanup_errors=True)
        self.root = Path(self._folder.name)
        self.outside = put_outside(self.root)
        self._desks: dict[str, Desk] = {}
        self._lock = Lock()

    def __enter__(self) -> Judge:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._folder.cleanup()

    @property
    def template(self) -> Template:
        """The base of the project that most cheats attack."""
        return self.desk(CALC).template

    def desk(self, project: Project) -> Desk:
        with self._lock:
            if project.name not in self._desks:
                root = self.root / "projects" / project.name.replace(" ", "-")
                self._desks[project.name] = Desk(project, self.sandbox, root)
            return self._desks[project.name]

    def submit(self, attack: Submission) -> Result:
        """Grade an attack on a ticket that was admitted as any other is."""
        desk = self.desk(attack.project)
        try:
            graded = desk.grade(attack.diff(self.outside) if attack.diff else desk.diff(attack.files))
        except RefusedDiff as why:
            return Result(False, f"refused: {why}")
        except Exception as error:
            return Result(False, f"{type(error).__name__}: {error}", broken=True)
        passed = graded.verdict == "passed"
        if passed and desk.standing != "strong":
            return Result(False, f"it passes, and its ticket is {desk.standing}: {desk.doubt}")
        broken = graded.verdict == "void" or graded.reason.startswith("grading it raised")
        return Result(passed, graded.reason.replace("\n", " "), broken)

    def passes(self, project: Project, files: Files) -> bool:
        """Whether an honest change passes, whatever admission says of its ticket."""
        desk = self.desk(project)
        return desk.grade(desk.diff(files)).verdict == "passed"


def _bytes(text: str | bytes | None) -> bytes | None:
    return text.encode() if isinstance(text, str) else text
