"""Keeps workspaces in memory if there is room, or else on disk.

On disk, creating and removing a hundred small files takes tens of milliseconds, several times a replay. So
`.meta/scratch` is a link into a file system in memory, or else a plain folder. The next start empties either.

A process that is killed before it has created the link leaves an orphaned folder in memory. So every process locks the
folder that it uses until it ends, and each start removes the user's folders that nobody has locked.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import tempfile
import time
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

from worker_agent.foreign_tree import remove_tree

MEMORY_FOLDER = Path("/dev/shm")
SCRATCH_PREFIX = "meta-scratch-"
HELD_FOLDERS: dict[Path, int] = {}
"""Folders in memory that this process uses, with the descriptors that hold their locks."""

WORKSPACE_MB = 2048
"""Free memory needed for each replay that runs at once, besides what its programs need."""

REMOVAL_ATTEMPTS, REMOVAL_PAUSE = 20, 0.05
"""How often to try to remove a folder that is still written to, and the seconds between."""


def open_scratch(cache: Path, parallel: int) -> Path:
    """Return an empty scratch folder, without what a killed process left behind.

    The caller must hold the writer lock.
    """
    close_scratch(cache)
    for orphan in find_orphans():
        remove_tree(orphan)
    scratch = cache / "scratch"
    cache.mkdir(parents=True, exist_ok=True)
    if _room_mb() >= 2 * WORKSPACE_MB * parallel:
        scratch.symlink_to(_create_folder(cache))
    else:
        scratch.mkdir()
    return scratch


def close_scratch(cache: Path) -> None:
    """Remove the scratch folder with its contents.

    Interrupted replays may still be running there. Moving the folder breaks their paths at once, and whatever they
    still write to their working folder is removed with it.
    """
    scratch, aside = cache / "scratch", cache / "scratch.over"
    _remove(aside)
    if scratch.is_symlink():
        target = scratch.readlink()
        scratch.unlink()
        # If somebody else made the link, only the link is removed.
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
        remove_tree(folder)
        if not os.path.lexists(folder):
            return
        time.sleep(REMOVAL_PAUSE)


def find_orphans() -> Iterator[Path]:
    """Yield this user's folders in memory that no process uses.

    Each is locked while the caller has it, so a process that is just creating one notices and creates another.
    """
    for folder in MEMORY_FOLDER.glob(f"{SCRATCH_PREFIX}{os.getuid()}-*"):
        if folder in HELD_FOLDERS:
            continue
        with contextlib.suppress(OSError):  # removed by another start, or in use
            if folder.lstat().st_uid != os.getuid():
                continue
            descriptor = _lock(folder)
            try:
                yield folder
            finally:
                os.close(descriptor)


def scratch_prefix_of(cache: Path) -> str:
    """Return how the names of this cache's folders in memory begin."""
    return f"{SCRATCH_PREFIX}{os.getuid()}-{sha256(os.fsencode(cache.resolve())).hexdigest()[:8]}-"


def _create_folder(cache: Path) -> Path:
    """Return a new folder that this process has locked.

    Anybody may write to its parent, so the name is random and only this user can read the folder.
    """
    while True:
        folder = Path(tempfile.mkdtemp(prefix=scratch_prefix_of(cache), dir=MEMORY_FOLDER))
        with contextlib.suppress(OSError):  # another start took it for an orphan before it was locked
            descriptor = _lock(folder)
            if folder.exists():
                HELD_FOLDERS[folder] = descriptor
                return folder
            os.close(descriptor)


def _lock(folder: Path) -> int:
    """Lock a folder and return the descriptor that holds the lock.

    Raises `OSError` if the folder is gone or another process has locked it.
    """
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def _room_mb() -> int:
    """Return the megabytes that files in memory may take; 0 if there are none."""
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
