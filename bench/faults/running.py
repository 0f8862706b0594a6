"""Runs `meta nightly` as a separate process, and watches it from outside."""

from __future__ import annotations

import contextlib
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from meta.demo.folders import DemoFolders
from meta.disk.cache import HALF_MADE_PATTERNS
from meta.disk.scratch import find_orphans, scratch_prefix_of

SOON_GONE = 5.0
"""Seconds within which processes must end after their parent."""

Verdicts = dict[str, str]
"""Each replay id with its verdict."""


class Running:
    """One start of `meta nightly`, with its output in a file.

    `before` is the command line of a program that starts it.
    """

    def __init__(
        self, house: DemoFolders, url: str, *arguments: str, temporary: Path, before: Sequence[str] = ()
    ) -> None:
        self.said = temporary.parent / f"{temporary.name}.said-{time.monotonic_ns()}"  # each start has its own
        temporary.mkdir(exist_ok=True)
        with self.said.open("w") as said:
            self.process = subprocess.Popen(
                [*before, sys.executable, "-m", "meta", "-C", str(house.agent), "nightly", *arguments],
                env={**os.environ, "ANTHROPIC_BASE_URL": url, "TMPDIR": str(temporary)},
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        return self.process.pid

    def ended(self) -> bool:
        return self.process.poll() is not None

    def words(self) -> str:
        return self.said.read_text(errors="replace")

    def wait(self, seconds: float) -> int:
        """Return its exit code; kill it and raise if it takes longer."""
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise


def descendants(pid: int) -> list[tuple[int, str]]:
    """Return (pid, start time) of all descendants of a process."""
    parents: dict[int, list[tuple[int, str]]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError, IndexError):
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
                parents.setdefault(int(fields[1]), []).append((int(entry.name), fields[19]))
    found, todo = [], [pid]
    while todo:
        children = parents.get(todo.pop(), [])
        found += children
        todo += [child for child, _ in children]
    return found


def find_alive(processes: Sequence[tuple[int, str]]) -> list[tuple[int, str]]:
    """Return those that still run, without process ids that have been reused."""
    found = []
    for pid, started in processes:
        with contextlib.suppress(OSError, IndexError):
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            if fields[19] == started and fields[0] != "Z":
                found.append((pid, started))
    return found


def kill(pid: int) -> bool:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
        return True
    return False


@contextlib.contextmanager
def open_runs(house: DemoFolders, patience: float = 10.0) -> Iterator[sqlite3.Connection]:
    """Open runs.db for reading, and wait `patience` seconds if it is locked."""
    db = sqlite3.connect(f"file:{house.agent / 'runs.db'}?mode=ro", uri=True, timeout=patience)
    try:
        yield db
    finally:
        db.close()


def read_verdicts(house: DemoFolders) -> Verdicts:
    with open_runs(house) as db:
        return dict(db.execute("select id, verdict from replays"))


def read_decisions(house: DemoFolders) -> dict[int, str]:
    """Return decided candidates with their status."""
    with open_runs(house) as db:
        sql = "select id, status from candidates where status in ('kept', 'refused', 'screened_out', 'invalid')"
        return dict(db.execute(sql))


def find_leftovers(house: DemoFolders, temporary: Path, *, over: bool = True) -> list[str]:
    """Return what a night left behind: folders, locks, worktrees, processes.

    Programs that were killed with it may take a moment to end. A night that was told to stop may leave half-made parts
    of the cache; then `over` is false.
    """
    end = time.monotonic() + SOON_GONE
    while (running := find_processes(house)) and time.monotonic() < end:
        time.sleep(0.05)
    cache = house.agent / ".meta"
    half_made = HALF_MADE_PATTERNS if over else ()
    found = [str(p.relative_to(house.root)) for pattern in half_made for p in cache.glob(pattern)]
    found += [str(p.relative_to(house.root)) for p in (house.agent / ".meta").glob("scratch*/*")]
    found += [p.name for p in temporary.glob("*")]
    for repository in (house.agent, house.project):
        git = repository / ".git" if (repository / ".git").exists() else repository
        found += [str(p.relative_to(house.root)) for p in git.rglob("*.lock")]
        found += [str(p.relative_to(house.root)) for p in git.glob("worktrees/*")]
    lock = house.agent / "runs.db.lock"
    if lock.exists() and lock.read_text().strip():
        found.append("runs.db.lock names a holder")
    found += [str(folder) for folder in find_orphans() if folder.name.startswith(scratch_prefix_of(cache))]
    return found + [f"process {pid}: {words}" for pid, words in running.items()]


def find_processes(house: DemoFolders) -> dict[int, str]:
    """Return processes at work in this project, with part of their command line."""
    found, mark = dict[int, str](), str(house.root)
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            with contextlib.suppress(OSError):
                words = (entry / "cmdline").read_bytes().decode("utf-8", "replace")
                if mark in words or os.readlink(entry / "cwd").startswith(mark):
                    found[int(entry.name)] = words.replace("\0", " ")[:200]
    return found


def count_survivors(processes: Sequence[tuple[int, str]], seconds: float = SOON_GONE) -> int:
    """Return how many of these processes still run after `seconds`."""
    end = time.monotonic() + seconds
    while find_alive(processes) and time.monotonic() < end:
        time.sleep(0.05)
    return len(find_alive(processes))


def find_last_words(running: Running) -> str:
    """Return the line that says why it stopped, or else its last line."""
    lines = [line for line in running.words().strip().splitlines() if not line.startswith("  gate:")]
    stopped = [line for line in lines if line.startswith(("error:", "STOPPED", "ended early"))]
    return (stopped or lines or [""])[-1][:200]
