"""Starts sandboxed jobs, reads their output up to a limit, and kills them."""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import IO

from worker_agent.sandbox.job import SANDBOX_HOME, JobResult, Sandbox, SandboxJob
from worker_agent.sandbox.warden import Warden


def start_job(
    sandbox: Sandbox, job: SandboxJob, *, stdin: int = subprocess.DEVNULL, stderr: int = subprocess.STDOUT
) -> subprocess.Popen[bytes]:
    """Start a job. The caller reads its stdout, and must end it with `kill_job`."""
    variables = {
        "PATH": os.pathsep.join([*job.path, "/usr/local/bin", "/usr/bin", "/bin"]),
        "HOME": SANDBOX_HOME if sandbox.name != "none" else str(job.workspace.parent),
        "LANG": "C.UTF-8",
        "PYTHONDONTWRITEBYTECODE": "1",
        **job.variables,
    }
    job = replace(job, variables=variables)
    command = sandbox.command_line(job)
    process = subprocess.Popen(
        command,
        env=sandbox.process_variables(variables),
        cwd=job.workspace,
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=stderr,
        start_new_session=True,
        pass_fds=tuple(job.pass_fds),
    )
    _live_jobs[process] = sandbox.cleanup_command(command)
    limits, folders = job.limits, [job.workspace, *(m.source for m in job.mounts if m.writable)]
    try:
        _warden.watch(process, limits.processes, limits.memory_mb, limits.disk_mb, folders)
    except BaseException:
        kill_job(process)
        raise
    return process


_warden = Warden()

_live_jobs: dict[subprocess.Popen[bytes], list[str]] = {}
"""Every running job, with the command to run after it was killed."""


def kill_all_jobs() -> None:
    """Kill every job of this process, from any thread: what Ctrl-C should do."""
    for process in list(_live_jobs):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)


def kill_job(process: subprocess.Popen[bytes]) -> None:
    """Kill a job and everything that it started, and release what it held."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    _warden.unwatch(process)
    process.wait()
    if cleanup := _live_jobs.pop(process, []):
        with contextlib.suppress(OSError, subprocess.TimeoutExpired):
            subprocess.run(cleanup, capture_output=True, check=False, timeout=60)
    for stream in (process.stdin, process.stdout, process.stderr):
        if stream:
            with contextlib.suppress(OSError):
                stream.close()


def run_job(sandbox: Sandbox, job: SandboxJob) -> JobResult:
    """Run a job until it ends or reaches its time limit."""
    started_at = time.monotonic()
    process = start_job(sandbox, job)
    assert process.stdout is not None
    output = _ClippedOutput(job.limits.output_bytes)
    timed_out = False
    try:
        for chunk in _read_until(process.stdout, started_at + job.limits.seconds):
            output.add(chunk)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(max(0.0, started_at + job.limits.seconds - time.monotonic()))
        timed_out = process.poll() is None
    finally:
        kill_job(process)
    return JobResult(process.returncode, output.text(), timed_out, time.monotonic() - started_at)


def _read_until(stream: IO[bytes], deadline: float) -> Iterator[bytes]:
    """Yield what can be read before the deadline or the end of the stream.

    The deadline is in seconds on the monotonic clock.
    """
    with selectors.DefaultSelector() as selector:
        selector.register(stream, selectors.EVENT_READ)
        while (seconds_left := deadline - time.monotonic()) > 0:
            if selector.select(seconds_left):
                chunk = os.read(stream.fileno(), 65536)
                if not chunk:
                    return
                yield chunk


class _ClippedOutput:
    """The beginning and the end of a stream, each up to half the limit.

    Memory stays flat, whatever is printed.
    """

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
