"""Checks that the disk has space.

A program can fail on a full disk through no fault of its own, so its outcome says nothing.
"""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator
from pathlib import Path

MIN_FREE_MB = 16
"""With less than this, an edit by the worker or a file of a test may be missing."""

AMPLE_FREE_MB = 8192
"""With more than this, no job can fill the disk alone: its limits stop it long before."""


def require_free_space(folder: Path) -> float:
    """Return the free megabytes; raises `OSError` if the disk is nearly full."""
    if (free := _free_mb(folder)) < MIN_FREE_MB:
        raise _full(folder, free)
    return free


@contextlib.contextmanager
def guard_free_space(folder: Path) -> Iterator[None]:
    """Guard a job that writes to this folder.

    Raises `OSError` if the disk is full before or after the job, unless the job filled it: then its outcome must count.
    """
    before = _size_mb(folder) if require_free_space(folder) < AMPLE_FREE_MB else None
    yield
    after = _free_mb(folder)
    if after < MIN_FREE_MB:
        own = 0.0 if before is None else _size_mb(folder) - before
        if after + own < MIN_FREE_MB:
            raise _full(folder, after)


def _full(folder: Path, left: float) -> OSError:
    return OSError(errno.ENOSPC, f"{os.strerror(errno.ENOSPC)}, {left:.0f} MB left", str(folder))


def _free_mb(folder: Path) -> float:
    disk = os.statvfs(folder)
    return disk.f_bavail * disk.f_frsize / (1 << 20)


def _size_mb(folder: Path) -> float:
    blocks = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(OSError):
                blocks += os.lstat(os.path.join(parent, name)).st_blocks
    return blocks / 2048
