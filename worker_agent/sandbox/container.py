"""The second sandbox: containers run by podman or docker.

It isolates as bubblewrap does, from the same parts of the host: /usr and the job's mounts, read-only, in an empty root;
no network, no capabilities, no new privileges, and limits set by control groups. Podman needs no image for this; docker
uses the root of one, which must have been pulled.
"""

from __future__ import annotations

import atexit
import os
import resource
import shutil
import subprocess
import tempfile
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

from worker_agent.foreign_tree import remove_tree
from worker_agent.sandbox.job import (
    PASSWD_FILE,
    SANDBOX_HOME,
    Mount,
    SandboxJob,
    SandboxUnavailable,
    empty_mounts,
    prlimit_command,
)

DOCKER_IMAGE = "debian:stable-slim"
"""The image whose root docker uses, with the host's files mounted over it."""


class Container:
    """Runs each job in its own container, which is removed when the job ends."""

    passes_descriptors = False

    def __init__(self, engine: Literal["podman", "docker"], runtime: str = "") -> None:
        program = shutil.which(engine)
        if program is None:
            raise SandboxUnavailable(f"{engine} is not installed; install it, or use bubblewrap")
        self.name: str = engine
        self._engine = [program, *(["--runtime", runtime] if runtime else [])]
        self._root = [DOCKER_IMAGE] if engine == "docker" else ["--rootfs", str(_make_empty_root())]

    def workspace_path(self, workspace: Path) -> str:
        return "/workspace"

    def mount_path(self, mount: Mount) -> str:
        return mount.inside_path

    def command_line(self, job: SandboxJob) -> list[str]:
        limits = job.limits
        size = f"{limits.disk_mb}m"
        argv = [
            *self._engine,
            "run",
            "--rm",
            "--interactive",
            "--name",
            f"meta-{uuid.uuid4().hex}",
            "--network",
            "none",
            "--read-only",
            "--cap-drop",
            "ALL",
            "--security-opt",
            "no-new-privileges",
            "--pids-limit",
            str(limits.processes),
            "--memory",
            f"{limits.memory_mb}m",
            "--ulimit",
            _ulimit_option("nofile", resource.RLIMIT_NOFILE),
            "--ulimit",
            _ulimit_option("nproc", resource.RLIMIT_NPROC),
            "--ulimit",
            "core=0:0",
            "--shm-size",
            size,
            "--tmpfs",
            f"/tmp:rw,exec,mode=1777,size={size}",
            "--hostname",
            "sandbox",
            "--user",
            f"{os.getuid()}:{os.getgid()}",
            "--workdir",
            "/workspace",
        ]
        if self.name == "podman" and os.getuid():
            argv += ["--userns", "keep-id"]
        mounts = [Mount(Path("/usr")), Mount(PASSWD_FILE, "/etc/passwd"), *job.mounts]
        for file in ("/etc/ld.so.cache", "/etc/alternatives", "/etc/localtime", "/etc/mime.types"):
            mounts += [Mount(Path(file))] if Path(file).exists() else []
        mounts += [*empty_mounts(job), Mount(job.workspace, "/workspace", writable=True)]
        for mount in {mount.inside_path: mount for mount in mounts}.values():  # engines refuse one place twice
            source = mount.source.resolve()
            argv += [
                "--mount",
                f"type=bind,source={source},target={mount.inside_path}" + ("" if mount.writable else ",ro"),
            ]
        for name, value in job.variables.items():
            argv += ["--env", f"{name}={value}"]
        return [
            *argv,
            *self._root,
            "/bin/sh",
            "-c",
            f'mkdir -p {SANDBOX_HOME} && exec "$@"',
            "sh",
            *prlimit_command(job),
        ]

    def process_variables(self, job_variables: Mapping[str, str]) -> dict[str, str]:
        """Return the engine's own variables, none of which reach the job.

        The job's are in its command line.
        """
        kept = ("PATH", "HOME", "XDG_RUNTIME_DIR", "DOCKER_HOST", "CONTAINER_HOST")
        return {name: os.environ[name] for name in kept if name in os.environ}

    def cleanup_command(self, command: Sequence[str]) -> list[str]:
        """Return the command that removes the container.

        A kill ends only the engine's client, and the container would go on.
        """
        at_once = ["--time", "0"] if self.name == "podman" else []
        return [*self._engine, "rm", "--force", *at_once, command[command.index("--name") + 1]]


def open_container(engine: Literal["podman", "docker"]) -> Container:
    """Return the engine's sandbox after one trial run.

    Raises `SandboxUnavailable` with the engine's own words.
    """
    words = ""
    for runtime in ("", "runc"):
        sandbox = Container(engine, runtime)
        with tempfile.TemporaryDirectory() as folder:
            job = SandboxJob(["true"], Path(folder))
            variables = sandbox.process_variables({})
            trial = subprocess.run(
                sandbox.command_line(job), env=variables, capture_output=True, text=True, check=False
            )
        if trial.returncode == 0:
            return sandbox
        words += f"{runtime or 'default runtime'}: {trial.stderr.strip()[-300:]} "
    raise SandboxUnavailable(f"{engine} cannot run a container here: {words}")


def _ulimit_option(name: str, resource_id: int) -> str:
    """Return a limit that the engine is allowed to set: never above its own.

    The limit that counts is the one on pids.
    """
    hard = resource.getrlimit(resource_id)[1]
    most = 4096 if hard == resource.RLIM_INFINITY else min(hard, 4096)
    return f"{name}={most}:{most}"


def _make_empty_root() -> Path:
    """Make a root with only the links and folders that every program expects."""
    root = Path(tempfile.mkdtemp(prefix="meta-root-"))
    atexit.register(remove_tree, root)
    for name in ("usr", "proc", "dev", "sys", "etc", "run", "tmp", "var", "workspace"):
        (root / name).mkdir()
    for name in ("bin", "sbin", "lib", "lib32", "lib64"):
        if Path("/", name).is_symlink():
            (root / name).symlink_to(os.readlink(Path("/", name)))
    (root / "var" / "tmp").symlink_to("/tmp")
    return root
