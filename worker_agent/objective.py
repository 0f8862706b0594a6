"""Whether the objective is met.

This is decided by looking at the workspace, whatever the model says.
"""

from __future__ import annotations

import shlex
from pathlib import Path

from worker_agent.foreign_tree import temporary_folder
from worker_agent.records import Environment
from worker_agent.sandbox.job import JobResult, Mount, Sandbox, SandboxJob, SandboxLimits
from worker_agent.sandbox.process import run_job
from worker_agent.submission_diff import take_diff
from worker_agent.workspace import Workspace, open_workspace


class Objective:
    """A change that is not empty and breaks no check of the repository.

    A check that already fails at the base is not held against it.
    """

    def __init__(self, sandbox: Sandbox, workspace: Workspace, environment: Environment, seconds: float) -> None:
        self._sandbox, self._workspace = sandbox, workspace
        self._environment, self._seconds = environment, seconds
        self._base_failures: dict[str, bool] = {}
        self.failing: str | None = None
        """The check that the last change failed; `None` if it passed them all."""

    def objection(self) -> str | None:
        """Return what is still missing, in words for the model.

        `None` if the objective is met. Raises `RefusedDiff` if the change can never be submitted.
        """
        self.failing = None
        if not take_diff(self._workspace).strip():
            return "You have not changed anything yet."
        for check in self._environment.checks:
            result = self._run_check(check, self._workspace.root)
            if result.returncode and not self._fails_at_base(check):
                self.failing = check
                why = "did not finish in time" if result.timed_out else f"exits with {result.returncode}"
                return f"The check `{check}` {why}; it passed before your change.\n\n{result.output[-4000:]}"
        return None

    def _run_check(self, check: str, root: Path) -> JobResult:
        environment = self._environment
        job = SandboxJob(
            argv=shlex.split(check),
            workspace=root,
            mounts=[Mount(m) for m in environment.mounts],
            path=environment.path,
            variables=environment.variables,
            limits=SandboxLimits(seconds=self._seconds),
        )
        return run_job(self._sandbox, job)

    def _fails_at_base(self, check: str) -> bool:
        """Whether the check fails at the base too.

        Asked only once a check has failed, so most runs never pay for it.
        """
        if check not in self._base_failures:
            with temporary_folder(None, "base-") as folder:
                base = open_workspace(self._workspace.template, folder / "base")
                self._base_failures[check] = self._run_check(check, base.root).returncode != 0
        return self._base_failures[check]
