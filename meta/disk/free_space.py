"""Checks that the disk has space.

A program can fail on a full disk through no fault of its own, so its outcome says nothing.
"""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator
from pathlib import Path

from worker_agent.foreign_tree import INODE_BYTES, measure_tree
from worker_agent.machine_error import is_machine_error

MIN_FREE_MB = 16
"""With less than this, an edit by the worker or a file of a test may be missing."""

MIN_FREE_FILES = 1000
"""With room for fewer files, the disk is full too."""

AMPLE_FREE_MB = 8192
"""With more than this, no job can fill the disk alone: its limits stop it long before."""


def require_free_space(folder: Path) -> float:
    """Return the free megabytes; raises `OSError` if the disk is nearly full."""
    if (free := _free_mb(folder)) < MIN_FREE_MB:
        raise _full(folder, free)
    return free


class DiskFilled(Exception):
    """What ran in a folder filled the disk itself, so it answers for what failed there."""


@contextlib.contextmanager
def guard_free_space(folder: Path) -> Iterator[None]:
    """Guard a job that writes to this folder.

    Raises `OSError` if the disk is full before or after the job, unless the job filled it: then its outcome counts, and
    an error of the machine becomes `DiskFilled`.
    """
    require_free_space(folder)
    before = None if _has_ample_space(folder) else _measure_mb(folder)
    try:
        yield
    except OSError as error:
        if is_machine_error(error) and before is not None and _is_full_by_itself(folder, before):
            raise DiskFilled(f"it filled the disk: {_measure_mb(folder) - before:.0f} MB") from error
        raise
    if _free_mb(folder) < MIN_FREE_MB and (before is None or not _is_full_by_itself(folder, before)):
        raise _full(folder, _free_mb(folder))


def _is_full_by_itself(folder: Path, before: float) -> bool:
    free = _free_mb(folder)
    return free < MIN_FREE_MB <= free + _measure_mb(folder) - before


def _full(folder: Path, left: float) -> OSError:
    return OSError(errno.ENOSPC, f"{os.strerror(errno.ENOSPC)}, {left:.0f} MB left", str(folder))


def _free_mb(folder: Path) -> float:
    """Return the free megabytes; none are left on a disk that takes no more names."""
    disk = os.statvfs(folder)
    return 0.0 if disk.f_files and disk.f_favail < MIN_FREE_FILES else disk.f_bavail * disk.f_frsize / (1 << 20)


def _has_ample_space(folder: Path) -> bool:
    disk = os.statvfs(folder)
    names = disk.f_favail * INODE_BYTES / (1 << 20) if disk.f_files else AMPLE_FREE_MB
    return min(_free_mb(folder), names) >= AMPLE_FREE_MB


def _measure_mb(folder: Path) -> float:
    return measure_tree(folder) / (1 << 20)
