"""DOCSTRING worker_agent.sandbox.job.process."""

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
    """Start a job; the caller reads its stdout and must end it with `reap`."""
    variables = {
        "PATH": os.pathsep.join([*job.path, "/usr/local/bin", "/usr/bin", "/bin"]),
        "HOME": SANDBOX_HOME if sandbox.name != "none" else str(job.workspace.parent),
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
    _live_jobs[process] = sandbox.ending(command)
    limits, folders = job.limits, [job.workspace, *(m.source for m in job.mounts if m.writable)]
    _warden.watch(process, limits.processes, limits.memory_mb, limits.disk_mb, folders)
    return process


_warden = Warden()

_live_jobs: dict[subprocess.Popen[bytes], list[str]] = {}
"""Every job that runs, and what ends it if a kill does not."""


def kill_all_jobs() -> None:
    """End every job of this process, from any thread: what a person's Ctrl-C should do."""
    for process in list(_live_jobs):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)


def kill_job(process: subprocess.Popen[bytes]) -> None:
    """End a job and everything it started (its pid namespace dies with it)."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    _warden.forget(process)
    process.wait()
    if ending := _live_jobs.pop(process, []):
        subprocess.run(ending, capture_output=True, check=False, timeout=60)
    for stream in (process.stdin, process.stdout, process.stderr):
        if stream:
            with contextlib.suppress(OSError):
                stream.close()


def run_job(sandbox: Sandbox, job: SandboxJob) -> JobResult:
    """Run a job to its end or its time limit, whichever comes first."""
    begun = time.monotonic()
    process = start_job(sandbox, job)
    assert process.stdout is not None
    kept = _ClippedOutput(job.limits.output_bytes)
    timed_out = False
    try:
        for chunk in _read_until(process.stdout, begun + job.limits.seconds):
            kept.add(chunk)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(max(0.0, begun + job.limits.seconds - time.monotonic()))
        timed_out = process.poll() is None
    finally:
        kill_job(process)
    return JobResult(process.returncode, kept.text(), timed_out, time.monotonic() - begun)


def _read_until(stream: IO[bytes], deadline: float) -> Iterator[bytes]:
    """What can be read before the deadline (seconds on the monotonic clock) or the end of the stream."""
    with selectors.DefaultSelector() as selector:
        selector.register(stream, selectors.EVENT_READ)
        while (left := deadline - time.monotonic()) > 0:
            if selector.select(left):
                chunk = os.read(stream.fileno(), 65536)
                if not chunk:
                    return
                yield chunk


class _ClippedOutput:
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
