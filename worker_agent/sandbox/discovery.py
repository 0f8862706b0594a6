"""Finds the sandbox that the settings name, and tries it once."""

from __future__ import annotations

import subprocess

from worker_agent.sandbox.bubblewrap import Bubblewrap
from worker_agent.sandbox.container import open_container
from worker_agent.sandbox.job import Sandbox, SandboxUnavailable
from worker_agent.sandbox.namespaces import explain_refusal
from worker_agent.sandbox.unsandboxed import NoSandbox


def open_sandbox(name: str = "bubblewrap") -> Sandbox:
    """Return the sandbox of that name after one trial run.

    Raises `SandboxUnavailable`, which says what to do.
    """
    if name == "none":
        return NoSandbox()
    if name in ("podman", "docker"):
        return open_container("podman" if name == "podman" else "docker")
    if name != "bubblewrap":
        raise SandboxUnavailable(f"unknown sandbox {name!r}; choose one of: bubblewrap, podman, docker, none")
    sandbox = Bubblewrap()
    trial = subprocess.run(
        [sandbox.program, "--unshare-all", "--ro-bind", "/", "/", "true"],
        env={},
        capture_output=True,
        text=True,
        check=False,
    )
    if trial.returncode:
        raise SandboxUnavailable(
            f"{sandbox.program} cannot create a sandbox ({trial.stderr.strip()})", explain_refusal(sandbox.program)
        )
    return sandbox
