"""Decides whose fault an error is: this machine's, or that of what ran on it."""

from __future__ import annotations

from meta.environments.workshop import Bench
from meta.errors import hide_cache_paths
from worker_agent.machine_error import is_machine_error
from worker_agent.sandbox.job import SandboxJob, SandboxLimits
from worker_agent.sandbox.process import run_job
from worker_agent.submission_diff import apply_diff, take_diff

CONTROL_FILE, CONTROL_SECONDS = ".meta-control", 60.0


def find_machine_fault(error: Exception, bench: Bench) -> str | None:
    """Return what is wrong with this machine; `None` if what ran on it caused the error.

    Some errors only a machine can cause. After any other, a control run does with the untouched base what a replay
    does: if that works, the machine is fine, and what differs from the base is at fault. The text of an error never
    matters, because names of files are part of it.
    """
    if is_machine_error(error):
        return describe_error(error)
    try:
        with bench.workspace("control-") as workspace, bench.workspace("control-") as other:
            (workspace.root / CONTROL_FILE).touch()
            apply_diff(other, take_diff(workspace))
            job = SandboxJob(["true"], other.root, limits=SandboxLimits(seconds=CONTROL_SECONDS))
            done = run_job(bench.sandbox, job)
    except Exception as trouble:  # whatever it is, the base has it too
        return describe_error(trouble)
    return f"the sandbox does not start: {done.output[-500:]}" if done.returncode else None


def describe_error(error: BaseException) -> str:
    """Return an error in one line or a few, for a person."""
    kind = "" if isinstance(error, OSError) else f"{type(error).__name__}: "
    return hide_cache_paths(f"{kind}{str(error)[:2000]}")
