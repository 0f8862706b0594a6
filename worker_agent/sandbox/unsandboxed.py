"""No sandbox: jobs run as the user, with the user's network and files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from worker_agent.sandbox.job import Mount, SandboxJob, prlimit_command


class NoSandbox:
    """No isolation at all. Used only if somebody asked for `--sandbox none`."""

    name = "none"
    passes_descriptors = True

    def workspace_path(self, workspace: Path) -> str:
        return str(workspace)

    def mount_path(self, mount: Mount) -> str:
        return str(mount.source)

    def command_line(self, job: SandboxJob) -> list[str]:
        return prlimit_command(job)

    def process_variables(self, job_variables: Mapping[str, str]) -> dict[str, str]:
        return dict(job_variables)

    def cleanup_command(self, command: Sequence[str]) -> list[str]:
        return []
