"""Kills jobs whose process tree uses more than it may.

The kernel's own limits apply to single processes, and the one on the number of processes does not apply to root in any
namespace. So a thread looks at every job ten times a second; only a burst shorter than that can exceed a limit.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from worker_agent.foreign_tree import INODE_BYTES, measure_tree

CHECK_SECONDS = 0.1
"""How long to wait between two looks."""

_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


@dataclass
class _WatchedJob:
    process: subprocess.Popen[bytes]
    processes: int
    memory_bytes: int
    disk_bytes: int
    folders: Sequence[Path]
    free_bytes: int
    """Free on the first folder's file system when the folders were last measured; at first, when the job began."""
    is_filling: bool = False
    """Something has been filling the disk since the job began."""


class Warden:
    """Watches jobs from when they are handed over until they have ended."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._jobs: dict[int, _WatchedJob] = {}
        self._thread: threading.Thread | None = None

    def watch(
        self, process: subprocess.Popen[bytes], processes: int, memory_mb: int, disk_mb: int, folders: Sequence[Path]
    ) -> None:
        """Begin to watch a job and the folders that it can write to.

        The job must run in its own session.
        """
        job = _WatchedJob(process, processes, memory_mb << 20, disk_mb << 20, folders, _free_bytes(folders[0]))
        with self._lock:
            self._jobs[process.pid] = job
            if self._thread is None:
                self._thread = threading.Thread(target=self._watch_all, name="warden", daemon=True)
                self._thread.start()

    def unwatch(self, process: subprocess.Popen[bytes]) -> None:
        """Stop watching a job.

        Must be called before the job is waited for, while its process id is still its own.
        """
        with self._lock:
            self._jobs.pop(process.pid, None)

    def _watch_all(self) -> None:
        while True:
            time.sleep(CHECK_SECONDS)
            with self._lock:
                if not self._jobs:
                    self._thread = None
                    return
                for job in self._jobs.values():
                    if job.process.returncode is None and _exceeds_limits(job):
                        with contextlib.suppress(ProcessLookupError, PermissionError):
                            os.killpg(job.process.pid, signal.SIGKILL)


def _exceeds_limits(job: _WatchedJob) -> bool:
    memory = 0
    for count, pid in enumerate(_process_tree(job.process.pid), 1):
        memory += _private_bytes(pid)
        if count > job.processes + 4 or memory > job.memory_bytes:  # the sandbox itself takes up to four processes
            return True
    return _exceeds_disk(job)


def _exceeds_disk(job: _WatchedJob) -> bool:
    """Whether the job's folders hold more than they may.

    Measuring them is slow, so it waits until the file system has lost a good part of the limit.
    """
    try:
        free = _free_bytes(job.folders[0])
    except OSError:  # the job has ended, and its folder was removed before it was unwatched
        return False
    if job.free_bytes - free < job.disk_bytes // (8 if job.is_filling else 2):
        return False
    job.is_filling, job.free_bytes = True, free
    return sum(map(measure_tree, job.folders)) > job.disk_bytes


def _free_bytes(folder: Path) -> int:
    """Return the bytes that a file system has left, for files and for their names."""
    system = os.statvfs(folder)
    return system.f_bavail * system.f_frsize + system.f_favail * INODE_BYTES


def _process_tree(pid: int) -> Iterator[int]:
    waiting = [pid]
    while waiting:
        pid = waiting.pop()
        yield pid
        with contextlib.suppress(OSError):
            for task in os.listdir(f"/proc/{pid}/task"):
                with contextlib.suppress(OSError), open(f"/proc/{pid}/task/{task}/children") as file:
                    waiting += map(int, file.read().split())


def _private_bytes(pid: int) -> int:
    """Return the bytes that a process shares with no file."""
    with contextlib.suppress(OSError), open(f"/proc/{pid}/statm") as file:
        _, resident, shared, *_ = file.read().split()
        return (int(resident) - int(shared)) * _PAGE_BYTES
    return 0
