"""What a sandbox is given and gives back, and what it must implement."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

SANDBOX_HOME = "/tmp/home"


class SandboxUnavailable(Exception):
    """No sandbox can be used here: why, and what to do."""

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(f"{message}; {remedy}" if remedy else message)
        self.message, self.remedy = message, remedy


@dataclass(frozen=True)
class Mount:
    """A folder or file that the job sees, read-only unless `writable`.

    It appears at `target`, or by default at the same path as outside.
    """

    source: Path
    target: str = ""
    writable: bool = False

    @property
    def inside_path(self) -> str:
        return self.target or str(self.source)


@dataclass(frozen=True)
class SandboxLimits:
    """What one sandboxed process tree may use."""

    seconds: float = 300.0
    memory_mb: int = 4096
    processes: int = 256
    file_mb: int = 512
    disk_mb: int = 4096
    """For the workspace; /tmp and /dev/shm, which are in memory, may each hold as much again."""
    output_bytes: int = 1_000_000


@dataclass(frozen=True)
class JobResult:
    """A finished command.

    `output` is stdout and stderr interleaved; beyond the limit its middle is left out.
    """

    returncode: int
    output: str
    timed_out: bool
    seconds: float


@dataclass(frozen=True)
class SandboxJob:
    """What to run, and on which workspace.

    `path` has further entries of PATH; `pass_fds` are open descriptors for sandboxes that pass them on.
    """

    argv: Sequence[str]
    workspace: Path
    mounts: Sequence[Mount] = ()
    variables: Mapping[str, str] = field(default_factory=dict)
    path: Sequence[str] = ()
    limits: SandboxLimits = SandboxLimits()
    pass_fds: Sequence[int] = ()


class Sandbox(Protocol):
    """A way to isolate jobs.

    Implemented by `Bubblewrap`, by `Container`, and by `NoSandbox` for those who insist.
    """

    @property
    def name(self) -> str: ...

    @property
    def passes_descriptors(self) -> bool:
        """Whether open descriptors (`SandboxJob.pass_fds`) reach the job."""
        ...

    def workspace_path(self, workspace: Path) -> str:
        """Return where a job finds its workspace."""
        ...

    def mount_path(self, mount: Mount) -> str:
        """Return where a job finds a mount."""
        ...

    def command_line(self, job: SandboxJob) -> list[str]:
        """Return the full command line that runs the job in isolation."""
        ...

    def process_variables(self, job_variables: Mapping[str, str]) -> dict[str, str]:
        """Return the environment of the process to start, for a job with these variables."""
        ...

    def cleanup_command(self, command: Sequence[str]) -> list[str]:
        """Return what to run after a kill that may not reach the whole job.

        Empty if a kill always does.
        """
        ...


def prlimit_command(job: SandboxJob) -> list[str]:
    """Return the job's command with the kernel's limits on each of its processes.

    They are set inside, because the kernel counts processes by user and namespace: outside, the user may have many.
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


PASSWD_FILE, HOSTS_FILE = Path(__file__).with_name("passwd"), Path(__file__).with_name("hosts")
"""What programs look up: who they run as, and `localhost`, which is the only machine there is."""

_SECRET_FILES = (
    *("pip.conf", ".pip/pip.conf", ".config/pip/pip.conf", "etc/pip.conf", "etc/xdg/pip/pip.conf", ".pypirc"),
    *(".config/uv/uv.toml", "etc/uv/uv.toml", ".local/share/uv/credentials/credentials.toml", ".condarc"),
    *(".gitconfig", ".config/git/config", "etc/gitconfig", ".git-credentials", ".config/git/credentials", ".netrc"),
)
"""Where passwords for packages and repositories are kept, below a prefix or a home folder."""


def empty_mounts(job: SandboxJob) -> list[Mount]:
    """Return the mounts that show an empty file in place of each file of passwords.

    Such files can lie in what a job must see: `/usr`, a virtual environment, an interpreter installed in a home folder.
    """
    home = Path.home()
    places = {
        mount.inside_path: mount.source for mount in (Mount(Path("/usr/local")), Mount(Path("/usr")), *job.mounts)
    }
    for inside, source in list(places.items()):
        if home.is_relative_to(source) and home != source:
            places[f"{inside}/{home.relative_to(source)}"] = home
    return [
        Mount(_EMPTY_FILE, f"{inside}/{name}")
        for inside, source in places.items()
        for name in _SECRET_FILES
        if (source / name).is_file()
    ]


_EMPTY_FILE = Path(__file__).with_name("empty")


def interpreter_mounts() -> list[Mount]:
    """Return what must be mounted for the Python that runs this to run inside too."""
    prefixes = {Path(sys.base_prefix).resolve(), Path(sys.prefix).resolve()}
    return [Mount(p) for p in sorted(prefixes) if not p.is_relative_to("/usr")]
