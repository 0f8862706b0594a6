"""Lets one `meta` write at a time. The kernel holds the lock, so a killed process never leaves it behind."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from socket import gethostname

from meta.errors import ExitCode, MetaError


@contextlib.contextmanager
def hold_writer_lock(database: Path, doing: str) -> Iterator[None]:
    """Hold the lock inside the block.

    Raises `MetaError` (exit code 3), with the name of the holder.
    """
    path = database.with_name(database.name + ".lock")
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise MetaError(f"{path}: {error.strerror}", "check that the folder exists and is writable") from None
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(descriptor, 200, 0).decode("utf-8", "replace").strip() or "another process"
            raise MetaError(
                f"another meta is using {database}: {holder}",
                "wait for it, or stop it: it can resume later",
                ExitCode.NOTHING_TO_DO,
            ) from None
        os.ftruncate(descriptor, 0)
        since = datetime.now().astimezone().isoformat(" ", "minutes")
        os.pwrite(descriptor, f"`meta {doing}`, process {os.getpid()} on {gethostname()}, since {since}\n".encode(), 0)
        try:
            yield
        finally:
            os.ftruncate(descriptor, 0)
    finally:
        os.close(descriptor)
