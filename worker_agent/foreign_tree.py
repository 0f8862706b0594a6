"""Trees that foreign code has written to, read and changed without following a link.

What ran in a sandbox may leave links to anywhere, folders too deep for any path, pipes, and files that nobody may read.
So a path is opened one folder at a time from the root, and none of them may be a link. Nothing may still be running
that could write to the tree, except for `measure_tree` and `remove_tree`.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

MAX_DEPTH, MAX_PATH_BYTES, MAX_FILES = 100, 2000, 500_000
"""No project is deeper, has longer paths or more files; a tree that exceeds one of these is not read."""

MAX_FILE_BYTES = 64 << 20
"""No larger file is read."""

INODE_BYTES = 4096
"""What a file counts besides its content: a disk has room for a limited number of files, even of empty ones."""

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC

_NO_FOLDER = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP)


class OddTree(Exception):
    """A tree has something that no project has; the message names it."""


def walk_tree(root: Path, enter: Callable[[str], bool] = lambda path: True) -> Iterator[tuple[str, os.stat_result]]:
    """Yield each file, link, pipe and so on with its own stat; paths are relative.

    A folder is left out if `enter` says so. Raises `OddTree` for a tree beyond the limits above, and `OSError`.
    """
    names: list[str] = []
    left: list[tuple[list[str], tuple[int, int]]] = []  # for each folder from the root to here: what is yet to visit
    found = 0
    here = os.open(root, _FOLDER)
    try:
        while True:
            inner: list[str] = []
            prefix = "".join(f"{name}/" for name in names)
            with os.scandir(here) as entries:
                for entry in entries:
                    path = prefix + entry.name
                    if entry.is_dir(follow_symlinks=False):
                        if enter(path):
                            inner.append(entry.name)
                        continue
                    found += 1
                    if found > MAX_FILES or len(os.fsencode(path)) > MAX_PATH_BYTES:
                        raise OddTree(_explain_limits(path))
                    yield path, entry.stat(follow_symlinks=False)
            left.append((inner, _identity_of(here)))
            while not left[-1][0]:
                left.pop()
                if not left:
                    return
                names.pop()
                here = _move(here, "..")
                if _identity_of(here) != left[-1][1]:
                    raise OddTree("its folders were moved while it was read")
            names.append(left[-1][0].pop())
            if len(names) > MAX_DEPTH:
                raise OddTree(_explain_limits("/".join(names)))
            here = _move(here, names[-1])
    finally:
        os.close(here)


def read_regular_file(root: Path, path: str, most: int = MAX_FILE_BYTES) -> bytes | None:
    """Return the content of a regular file.

    `None` if there is none, which is so where the path leads through a link. Raises `OddTree` if it is larger than
    `most` bytes.
    """
    try:
        with _open_parent(root, path) as (folder, name):
            opened = os.open(name, _READ, dir_fd=folder)
    except OSError as error:
        if error.errno in (*_NO_FOLDER, errno.ENXIO):
            return None
        raise
    if not stat.S_ISREG(os.fstat(opened).st_mode):
        os.close(opened)
        return None
    with open(opened, "rb") as file:
        content = file.read(most + 1)
    if len(content) > most:
        raise OddTree(f"{path[:200]} is larger than {most >> 20} MB")
    return content


def write_file(root: Path, path: str, content: bytes, mode: int = 0o644, modified: int | None = None) -> None:
    """Write a new file in place of whatever is at the path or in its way.

    `modified` is its modification time in nanoseconds.
    """
    with _open_parent(root, path, make=True) as (folder, name):
        _remove_entry(folder, name)
        with open(os.open(name, _CREATE, mode, dir_fd=folder), "wb") as file:
            file.write(content)
            os.fchmod(file.fileno(), mode)
            if modified is not None:
                file.flush()
                os.utime(file.fileno(), ns=(modified, modified))


def write_link(root: Path, path: str, target: str) -> None:
    """Make a symbolic link in place of whatever is at the path or in its way."""
    with _open_parent(root, path, make=True) as (folder, name):
        _remove_entry(folder, name)
        os.symlink(target, name, dir_fd=folder)


def remove_file(root: Path, path: str) -> None:
    """Remove a file or link, if there is one at this path; a folder stays."""
    absent = contextlib.suppress(FileNotFoundError, NotADirectoryError, IsADirectoryError)
    with absent, _open_parent(root, path) as (folder, name):
        if not stat.S_ISDIR(os.lstat(name, dir_fd=folder).st_mode):
            os.unlink(name, dir_fd=folder)


def remove_tree(folder: Path) -> None:
    """Remove a folder, however deep and whatever its permissions.

    Never raises an error: what cannot be removed now stays until the next start. Programs do it, because a recursive
    function ends at a thousand levels and a path at 4096 bytes.
    """
    for command in (["rm", "-rf"], ["chmod", "-R", "u+rwx"], ["rm", "-rf"]):
        if not os.path.lexists(folder):
            return
        with contextlib.suppress(OSError):
            subprocess.run([*command, "--", folder], capture_output=True, check=False)


def measure_tree(folder: Path) -> int:
    """Return the bytes that a tree takes on its disk, `INODE_BYTES` for each file included."""
    total = 0
    for option, unit in (("--block-size=1", 1), ("--inodes", INODE_BYTES)):
        with contextlib.suppress(OSError, ValueError, IndexError):
            done = subprocess.run(["du", "-s", option, "--", folder], capture_output=True, check=False)
            total += int(done.stdout.split()[0]) * unit
    return total


@contextlib.contextmanager
def temporary_folder(parent: Path | None, prefix: str) -> Iterator[Path]:
    """Open a new folder that is removed at the end, whatever is in it by then."""
    folder = Path(tempfile.mkdtemp(prefix=prefix, dir=parent))
    try:
        yield folder
    finally:
        remove_tree(folder)


@contextlib.contextmanager
def _open_parent(root: Path, path: str, *, make: bool = False) -> Iterator[tuple[int, str]]:
    """Open the folder of a path, and return its descriptor with the last name.

    With `make`, whatever else is in the way gives way to folders.
    """
    *names, last = path.split("/")
    if not last or {"", ".", ".."} & {*names, last}:
        raise OddTree(f"{path[:200]!r} is not a path inside a tree")
    here = os.open(root, _FOLDER)
    try:
        for name in names:
            try:
                here = _move(here, name)
            except OSError as error:
                if not make or error.errno not in _NO_FOLDER:
                    raise
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(name, dir_fd=here)
                os.mkdir(name, dir_fd=here)
                here = _move(here, name)
        yield here, last
    finally:
        os.close(here)


def _remove_entry(folder: int, name: str) -> None:
    try:
        os.unlink(name, dir_fd=folder)
    except FileNotFoundError:
        pass
    except (IsADirectoryError, PermissionError):
        subprocess.run(["rm", "-rf", "--", f"/proc/self/fd/{folder}/{name}"], pass_fds=[folder], check=False)


def _move(here: int, name: str) -> int:
    """Return the descriptor of a neighbouring folder, and close this one's."""
    there = os.open(name, _FOLDER, dir_fd=here)
    os.close(here)
    return there


def _identity_of(folder: int) -> tuple[int, int]:
    about = os.fstat(folder)
    return about.st_dev, about.st_ino


def _explain_limits(path: str) -> str:
    return (
        f"{path[:100]}… is beyond what is read: {MAX_DEPTH} folders deep, paths of {MAX_PATH_BYTES} bytes, "
        f"{MAX_FILES:,} files"
    )
