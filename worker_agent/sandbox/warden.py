"""Ends jobs that use up more than they may: processes, memory and disk of the whole process tree.

The kernel's own limits bind single processes, and the one on processes does not bind root, in whatever namespace. So a
thread looks at every job ten times a second. What it finds is what a burst of less than that can do at most.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

CHECK_SECONDS = 0.1
"""Seconds between two looks."""

_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


@dataclass
class _WatchedJob:
    process: subprocess.Popen[bytes]
    processes: int
    memory: int
    disk: int
    folders: Sequence[Path]
    free: int = 0
    """Of the first folder's file system, when this was last looked at closely."""
    begun_with: int | None = field(default=None)


class Warden:
    """Watches jobs from the moment they are given to it until they have ended."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._watched: dict[int, _WatchedJob] = {}
        self._thread: threading.Thread | None = None

    def watch(
        self, process: subprocess.Popen[bytes], processes: int, memory_mb: int, disk_mb: int, folders: Sequence[Path]
    ) -> None:
        """Keep an eye on a job that runs in a session of its own, and on the folders that it can write to."""
        job = _WatchedJob(process, processes, memory_mb << 20, disk_mb << 20, folders, _free_bytes(folders[0]))
        with self._lock:
            self._watched[process.pid] = job
            if self._thread is None:
                self._thread = threading.Thread(target=self._look, name="warden", daemon=True)
                self._thread.start()

    def forget(self, process: subprocess.Popen[bytes]) -> None:
        """The job has ended. Has to be called before it is waited for, while its number is still its own."""
        with self._lock:
            self._watched.pop(process.pid, None)

    def _look(self) -> None:
        while True:
            time.sleep(CHECK_SECONDS)
            with self._lock:
                if not self._watched:
                    self._thread = None
                    return
                for job in self._watched.values():
                    if job.process.returncode is None and _exceeds_limits(job):
                        with contextlib.suppress(ProcessLookupError, PermissionError):
                            os.killpg(job.process.pid, signal.SIGKILL)


def _exceeds_limits(job: _WatchedJob) -> bool:
    memory = 0
    for count, pid in enumerate(_process_tree(job.process.pid), 1):
        memory += _private_bytes(pid)
        if count > job.processes + 4 or memory > job.memory:  # the sandbox itself is up to four processes
            return True
    return _exceeds_disk(job)


def _exceeds_disk(job: _WatchedJob) -> bool:
    try:
        free = _free_bytes(job.folders[0])
    except FileNotFoundError:  # the job has ended, and its folder was cleaned up before it was taken off the list
        return False
    if job.begun_with is None:
        if job.free - free < job.disk // 2:
            return False
        # Something fills the disk. It takes a close look to tell who.
        job.begun_with = 0
    elif job.free - free < job.disk // 8:
        return False
    job.free = free
    return sum(map(_used_bytes, job.folders)) > job.disk


def _free_bytes(folder: Path) -> int:
    about = os.statvfs(folder)
    return about.f_bavail * about.f_frsize


def _used_bytes(folder: Path) -> int:
    total = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(OSError):
                total += os.lstat(os.path.join(parent, name)).st_blocks * 512
    return total


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
    """Bytes that a process shares with no file: what it has taken for itself."""
    with contextlib.suppress(OSError), open(f"/proc/{pid}/statm") as file:
        _, resident, shared, *_ = file.read().split()
        return (int(resident) - int(shared)) * _PAGE_BYTES
    return 0
