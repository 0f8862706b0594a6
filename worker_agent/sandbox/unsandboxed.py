"""DOCSTRING worker_agent.sandbox.job.unsandboxed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from worker_agent.sandbox.job import Mount, SandboxJob, prlimit_command


class NoSandbox:
    """No isolation at all. Only ever used when somebody said `--sandbox none`."""

    name = "none"
    inherits = True

    def workspace_path(self, workspace: Path) -> str:
        return str(workspace)

    def mounted(self, mount: Mount) -> str:
        return str(mount.source)

    def command(self, job: SandboxJob) -> list[str]:
        return prlimit_command(job)

    def variables(self, job: Mapping[str, str]) -> dict[str, str]:
        return dict(job)

    def ending(self, command: Sequence[str]) -> list[str]:
        return []
