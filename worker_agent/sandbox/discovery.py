"""DOCSTRING worker_agent.sandbox.job.discovery."""

from __future__ import annotations

import subprocess

from worker_agent.sandbox.bubblewrap import Bubblewrap
from worker_agent.sandbox.job import Sandbox, SandboxUnavailable
from worker_agent.sandbox.unsandboxed import NoSandbox


def open_sandbox(name: str = "bubblewrap") -> Sandbox:
    """The sandbox of that name, tried once. Raises `SandboxUnavailable` with what to do."""
    if name == "none":
        return NoSandbox()
    if name in ("podman", "docker"):
        from worker_agent.sandbox.container import open_container

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
