"""Where all code runs that the worker wrote, chose or asked for.

No network, an empty environment, only the workspace writable, no capabilities, limits on time, memory, processes, file
size and output; everything is reaped when the run ends. The sandbox program itself is started with a clean `env=`:
`bwrap --clearenv` alone leaves the parent's secrets readable in `/proc/1/environ`.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

SANDBOX_HOME = "/tmp/home"


class SandboxUnavailable(Exception):
    """No sandbox can be had here; the message says why and what to do."""


@dataclass(frozen=True)
class Mount:
    """A folder or file shown inside, read-only unless `writable`, at `target` (default: where it lies outside)."""

    source: Path
    target: str = ""
    writable: bool = False

    @property
    def inside(self) -> str:
        return self.target or str(self.source)


@dataclass(frozen=True)
class SandboxLimits:
    """What one sandboxed process tree may use."""

    seconds: float = 300.0
    memory_mb: int = 4096
    processes: int = 256
    file_mb: int = 512
    disk_mb: int = 4096
    """What may lie in the workspace, and as much again in /tmp, which is memory, and in /dev/shm."""
    output_bytes: int = 1_000_000


@dataclass(frozen=True)
class JobResult:
    """A finished command. `output` is stdout and stderr interleaved, its middle cut out beyond the limit."""

    returncode: int
    output: str
    timed_out: bool
    seconds: float


@dataclass(frozen=True)
class SandboxJob:
    """What to run: command, workspace, further mounts, variables. `cwd` is relative to the workspace."""

    argv: Sequence[str]
    workspace: Path
    mounts: Sequence[Mount] = ()
    variables: Mapping[str, str] = field(default_factory=dict)
    path: Sequence[str] = ()
    limits: SandboxLimits = SandboxLimits()
    pass_fds: Sequence[int] = ()


class Sandbox(Protocol):
    """Starts jobs in isolation. Implementations: `Bubblewrap`, `Container`, and `NoSandbox` for
    those who insist."""

    @property
    def name(self) -> str: ...

    @property
    def inherits(self) -> bool:
        """Whether open descriptors (`Job.pass_fds`) reach the job."""
        ...

    def workspace_path(self, workspace: Path) -> str:
        """Where a job finds its workspace."""
        ...

    def mounted(self, mount: Mount) -> str:
        """Where a job finds a mount."""
        ...

    def command(self, job: SandboxJob) -> list[str]:
        """The full command line that runs the job isolated."""
        ...

    def variables(self, job: Mapping[str, str]) -> dict[str, str]:
        """What the process that is started has in its environment, for a job with these variables."""
        ...

    def ending(self, command: Sequence[str]) -> list[str]:
        """What has to be run after a kill, if that does not reach all of the job; else nothing."""
        ...


def prlimit_command(job: SandboxJob) -> list[str]:
    """The job's command with the kernel's limits for each of its processes.

    To be set inside: processes are counted by user and user namespace, and outside a person may have many.
    """
    limits = job.limits
    return [
        "prlimit",
        f"--as={limits.memory_mb << 20}",
        f"--nproc={limits.processes}",
        f"--fsize={limits.file_mb << 20}",
        "--core=0",
        *job.argv,
    ]


PASSWD_FILE = Path(__file__).with_name("passwd")


def interpreter_mounts() -> list[Mount]:
    """What the Python that runs this needs mounted to run inside as well."""
    prefixes = {Path(sys.base_prefix).resolve(), Path(sys.prefix).resolve()}
    return [Mount(p) for p in sorted(prefixes) if not p.is_relative_to("/usr")]
