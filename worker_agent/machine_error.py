"""Tells errors of this machine from errors that the content of a run can cause."""

from __future__ import annotations

import errno

MACHINE_ERRNOS = frozenset(
    {
        errno.ENOSPC,
        errno.EDQUOT,
        errno.EMFILE,
        errno.ENFILE,
        errno.ENOMEM,
        errno.EAGAIN,  # no more processes
        errno.EIO,
        errno.ESTALE,
    }
)
"""What a system call fails with when the machine has no room, no memory, or a broken disk."""


class MachineError(OSError):
    """This machine failed at something that has nothing to do with what ran on it."""


def is_machine_error(error: BaseException) -> bool:
    """Whether an error is the machine's by its kind; its text never matters."""
    return isinstance(error, MachineError) or (isinstance(error, OSError) and error.errno in MACHINE_ERRNOS)
