"""Is the objective met? Decided by looking at the workspace, not by the model's word."""

from __future__ import annotations

import shlex
import tempfile
from pathlib import Path

from worker_agent.records import Environment
from worker_agent.sandbox.job import JobResult, Mount, Sandbox, SandboxJob, SandboxLimits
from worker_agent.sandbox.process import run_job
from worker_agent.submission_diff import take_diff
from worker_agent.workspace import Workspace, open_workspace


class Objective:
    """A change that is not empty, under which no check of the repository fails that passed before."""

    def __init__(self, sandbox: Sandbox, workspace: Workspace, environment: Environment, seconds: float) -> None:
        self._sandbox, self._workspace, self._environment, self._seconds = (
            sandbox,
            workspace,
            environment,
            seconds,
        )
        self._failed_before: dict[str, bool] = {}
        self.failing: str | None = None
        """The check that stands against the last change looked at; `None` when none does."""

    def objection(self) -> str | None:
        """What is still missing, in words for the model; `None` when the objective is met.

        Raises `worker_agent.submission_diff.RefusedDiff` when the change can never be submitted.
        """
        self.failing = None
        if not take_diff(self._workspace).strip():
            return "Nothing has been changed yet."
        for check in self._environment.checks:
            done = self._check(check, self._workspace.root)
            if done.returncode and not self._fails_at_base(check):
                self.failing = check
                why = "did not finish in time" if done.timed_out else f"exits with {done.returncode}"
                return f"The check `{check}` {why}; it passed before your change.\n\n{done.output[-4000:]}"
        return None

    def _check(self, check: str, root: Path) -> JobResult:
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
        """Looked up only once a check has failed: most runs never pay for it."""
        if check not in self._failed_before:
            with tempfile.TemporaryDirectory(prefix="base-") as folder:
                base = open_workspace(self._workspace.template, Path(folder) / "base")
                self._failed_before[check] = self._check(check, base.root).returncode != 0
        return self._failed_before[check]
