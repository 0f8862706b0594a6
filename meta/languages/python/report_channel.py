"""Carries reports out of a test process, and listens to them and to its output."""

from __future__ import annotations

import contextlib
import os
import selectors
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from meta.languages.python.report_pipe import ReportPipe
from worker_agent.foreign_tree import remove_tree
from worker_agent.sandbox.job import Mount, Sandbox

_CHANNEL_FOLDER = "/report"


@dataclass
class ReportChannel:
    """Both ends of the pipe for reports.

    `folder` is set if the pipe needs a name to be found inside. Anything inside could open it by that name; the
    reports' MAC is what tells them from forgeries.
    """

    read: int
    write: int
    folder: Path | None = None

    @property
    def inside(self) -> int | str:
        """The descriptor or the path under which the process inside finds its end."""
        return f"{_CHANNEL_FOLDER}/pipe" if self.folder else self.write

    @property
    def mounts(self) -> list[Mount]:
        """What has to be mounted for the pipe to be found inside."""
        return [Mount(self.folder, _CHANNEL_FOLDER, writable=True)] if self.folder else []

    @property
    def pass_fds(self) -> tuple[int, ...]:
        """The descriptors that the process has to inherit."""
        return () if self.folder else (self.write,)

    def hand_over(self) -> None:
        """Close our copy of the inherited end, so that the pipe ends with the process."""
        if self.folder is None:
            self._close_write()

    def close(self) -> None:
        """Close both ends, and remove the pipe's name."""
        os.close(self.read)
        self._close_write()
        if self.folder:
            remove_tree(self.folder)

    def _close_write(self) -> None:
        if self.write >= 0:
            os.close(self.write)
            self.write = -1


@contextlib.contextmanager
def open_report_channel(sandbox: Sandbox) -> Iterator[ReportChannel]:
    """Open a channel for one run; both ends are closed afterwards."""
    if sandbox.passes_descriptors:
        channel = ReportChannel(*os.pipe())
    else:
        folder = Path(tempfile.mkdtemp(prefix="report-"))
        os.mkfifo(folder / "pipe")
        read = os.open(folder / "pipe", os.O_RDONLY | os.O_NONBLOCK)
        channel = ReportChannel(read, os.open(folder / "pipe", os.O_WRONLY), folder)
    with contextlib.closing(channel):
        yield channel


@dataclass
class RunListener:
    """Talks to one test process until it ends or its time is up.

    It hands over the orders, then reads reports and output.
    """

    process: subprocess.Popen[bytes]
    pipe: int
    reports: ReportPipe
    deadline: float
    give_up: Callable[[], bool]
    """Says after each report whether the run has timed out too often."""
    enough: Callable[[], bool]
    """Says whether there is nothing more to learn from the run."""
    tail: bytearray = field(default_factory=bytearray)

    @property
    def output(self) -> str:
        """The end of what the process printed."""
        return bytes(self.tail).decode("utf-8", "replace")

    def run(self, orders: bytes) -> bool:
        """Return whether the run had to be given up.

        Its time is over, or too many tests timed out; a run that has shown enough ends before. The orders go through a
        pipe, not a file: what was read from a pipe is gone, but a file can be opened again under `/proc/1/fd` by
        whatever runs inside.
        """
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        stdin, stdout = self.process.stdin.fileno(), self.process.stdout.fileno()
        os.set_blocking(stdin, False)
        with selectors.DefaultSelector() as selector:
            selector.register(stdin, selectors.EVENT_WRITE)
            selector.register(stdout, selectors.EVENT_READ)
            selector.register(self.pipe, selectors.EVENT_READ)
            open_ends = {stdout, self.pipe}
            while open_ends and not self.enough():
                left = self.deadline - time.monotonic()
                if left <= 0:
                    return True
                events = selector.select(min(left, 0.2))
                for event, _ in events:
                    if event.fd == stdin:
                        orders = orders[_write_some(stdin, orders) :]
                        if not orders:
                            selector.unregister(stdin)
                            self.process.stdin.close()
                    elif not (chunk := os.read(event.fd, 1 << 16)):
                        selector.unregister(event.fd)
                        open_ends.discard(event.fd)
                    elif self._take_in(event.fd, chunk):
                        return True
                # A process that the tests left behind may hold the pipes open after the run has ended.
                if not events and self.process.poll() is not None:
                    break
        # It can say nothing more, and waiting with a time limit would mean polling.
        return False

    def _take_in(self, fd: int, chunk: bytes) -> bool:
        """Take in what was read; return whether that was one time-out too many."""
        if fd == self.pipe:
            self.reports.feed(chunk)
            return self.give_up()
        self.tail += chunk
        del self.tail[:-100_000]
        return False


def _write_some(fd: int, data: bytes) -> int:
    """Write what fits; return how much that was, or all if the reader is gone."""
    try:
        return os.write(fd, data[: 1 << 16])
    except BlockingIOError:
        return 0
    except BrokenPipeError:
        return len(data)
