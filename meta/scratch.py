"""Where workspaces live while they are used: in memory where there is room, else on the disk.

Making and removing a hundred small files takes a disk's file system tens of milliseconds, several times a replay. So
`.meta/scratch` is a link into a file system in memory, or else a plain folder. Either is emptied at the next start.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from pathlib import Path

IN_MEMORY = Path("/dev/shm")
PREFIX = "meta-scratch-"

WORKSPACE_MB = 2048
"""Memory that has to be free for each replay that runs at a time, besides what its programs take."""


def open_scratch(cache: Path, parallel: int) -> Path:
    """An empty scratch folder for who holds the right to write; what a killed process left in it is gone."""
    close_scratch(cache)
    scratch = cache / "scratch"
    cache.mkdir(parents=True, exist_ok=True)
    if _room_mb() >= 2 * WORKSPACE_MB * parallel:
        # Everybody may write there, so the name is drawn and the folder is ours alone.
        scratch.symlink_to(tempfile.mkdtemp(prefix=PREFIX, dir=IN_MEMORY))
    else:
        scratch.mkdir()
    return scratch


def close_scratch(cache: Path) -> None:
    """Remove the scratch folder and all that is in it."""
    scratch = cache / "scratch"
    if scratch.is_symlink():
        target = scratch.readlink()
        # A link that somebody else put there is taken away, and where it leads is left alone.
        if target.parent == IN_MEMORY and target.name.startswith(PREFIX):
            shutil.rmtree(target, ignore_errors=True)
        scratch.unlink()
    else:
        shutil.rmtree(scratch, ignore_errors=True)


def _room_mb() -> int:
    """Memory that files may take here; 0 where there is no such file system."""
    try:
        if not os.access(IN_MEMORY, os.W_OK) or not _is_tmpfs():
            return 0
        room = os.statvfs(IN_MEMORY)
        available = re.search(r"^MemAvailable:\s+(\d+) kB", Path("/proc/meminfo").read_text(), re.MULTILINE)
    except OSError:
        return 0
    free = room.f_bavail * room.f_frsize >> 20
    return min(free, int(available[1]) >> 10) if available else 0


def _is_tmpfs() -> bool:
    mounts = (line.split() for line in Path("/proc/mounts").read_text().splitlines())
    return any(fields[1:3] == [str(IN_MEMORY), "tmpfs"] for fields in mounts)
