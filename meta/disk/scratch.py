"""Where workspaces live while they are used: in memory where there is room, else on the disk.

Making and removing a hundred small files takes a disk's file system tens of milliseconds, several times a replay. So
`.meta/scratch` is a link into a file system in memory, or else a plain folder. Either is emptied at the next start.

A process that is killed before it has made the link leaves a folder in memory that no link names. So who uses one holds
a lock on it, which ends with the process, and each start removes the user's folders that nobody holds.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import shutil
import tempfile
import time
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

MEMORY_FOLDER = Path("/dev/shm")
SCRATCH_PREFIX = "meta-scratch-"
HELD_FOLDERS: dict[Path, int] = {}
"""Folders in memory that this process uses, each with the descriptor that holds its lock."""

WORKSPACE_MB = 2048
"""Memory that has to be free for each replay that runs at a time, besides what its programs take."""


REMOVAL_ATTEMPTS, REMOVAL_PAUSE = 20, 0.05
"""How often a folder is removed in which somebody still writes, and seconds between."""


def open_scratch(cache: Path, parallel: int) -> Path:
    """An empty scratch folder for who holds the right to write; what a killed process left in it is gone."""
    close_scratch(cache)
    for orphan in find_orphans():
        shutil.rmtree(orphan, ignore_errors=True)
    scratch = cache / "scratch"
    cache.mkdir(parents=True, exist_ok=True)
    if _room_mb() >= 2 * WORKSPACE_MB * parallel:
        scratch.symlink_to(_held_folder(cache))
    else:
        scratch.mkdir()
    return scratch


def close_scratch(cache: Path) -> None:
    """Remove the scratch folder and all that is in it.

    Replays that were cut off may still work there: their paths lead nowhere from the first moment on, and what their
    programs write into the folder that they are in goes with it.
    """
    scratch, aside = cache / "scratch", cache / "scratch.over"
    _remove(aside)
    if scratch.is_symlink():
        target = scratch.readlink()
        scratch.unlink()
        # A link that somebody else put there is taken away, and where it leads is left alone.
        if target.parent == MEMORY_FOLDER and target.name.startswith(SCRATCH_PREFIX) and target.is_dir():
            over = target.with_name(f"{target.name}-over")
            target.rename(over)
            _remove(over)
            if target in HELD_FOLDERS:
                os.close(HELD_FOLDERS.pop(target))
    elif scratch.is_dir():
        scratch.rename(aside)
        _remove(aside)


def _remove(folder: Path) -> None:
    for _ in range(REMOVAL_ATTEMPTS):
        shutil.rmtree(folder, ignore_errors=True)
        if not folder.exists():
            return
        time.sleep(REMOVAL_PAUSE)


def find_orphans() -> Iterator[Path]:
    """This user's folders in memory that no process uses.

    Each is locked while the caller has it, so whoever is just making it sees that it may be removed, and takes another.
    """
    for folder in MEMORY_FOLDER.glob(f"{SCRATCH_PREFIX}{os.getuid()}-*"):
        if folder in HELD_FOLDERS:
            continue
        with contextlib.suppress(OSError):  # removed by another start, or in use
            if folder.lstat().st_uid != os.getuid():
                continue
            descriptor = _locked(folder)
            try:
                yield folder
            finally:
                os.close(descriptor)


def scratch_prefix_of(cache: Path) -> str:
    """How the names of the folders in memory begin that belong to this cache."""
    return f"{SCRATCH_PREFIX}{os.getuid()}-{sha256(os.fsencode(cache.resolve())).hexdigest()[:8]}-"


def _held_folder(cache: Path) -> Path:
    """A new folder that this process holds. Everybody may write there, so the name is drawn and it is ours alone."""
    while True:
        folder = Path(tempfile.mkdtemp(prefix=scratch_prefix_of(cache), dir=MEMORY_FOLDER))
        with contextlib.suppress(OSError):  # another start took it for an orphan before it was locked
            descriptor = _locked(folder)
            if folder.exists():
                HELD_FOLDERS[folder] = descriptor
                return folder
            os.close(descriptor)


def _locked(folder: Path) -> int:
    """A descriptor that holds the folder's lock. Raises `OSError` when it is gone, or another process has it."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def _room_mb() -> int:
    """Memory that files may take here; 0 where there is no such file system."""
    try:
        if not os.access(MEMORY_FOLDER, os.W_OK) or not _is_tmpfs():
            return 0
        room = os.statvfs(MEMORY_FOLDER)
        available = re.search(r"^MemAvailable:\s+(\d+) kB", Path("/proc/meminfo").read_text(), re.MULTILINE)
    except OSError:
        return 0
    free = room.f_bavail * room.f_frsize >> 20
    return min(free, int(available[1]) >> 10) if available else 0


def _is_tmpfs() -> bool:
    mounts = (line.split() for line in Path("/proc/mounts").read_text().splitlines())
    return any(fields[1:3] == [str(MEMORY_FOLDER), "tmpfs"] for fields in mounts)
