"""A `meta nightly` that runs as a process of its own, and what can be seen of it from outside."""

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
"""Seconds within which processes have to be gone after what started them."""

Verdicts = dict[str, str]
"""Replay id to verdict."""


class Running:
    """One start of `meta nightly`. What it says goes to a file. `before` are words of a program that becomes it."""

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
        """Its exit code. Kills it and raises when it takes longer."""
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise


def descendants(pid: int) -> list[tuple[int, str]]:
    """(pid, start time) of everything below a process."""
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


def alive(processes: Sequence[tuple[int, str]]) -> list[tuple[int, str]]:
    """Those of them that still run; a process id that another process has by now does not count."""
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
def reading(house: DemoFolders, patience: float = 10.0) -> Iterator[sqlite3.Connection]:
    """runs.db as a reader sees it, who waits for so many seconds where it is locked."""
    db = sqlite3.connect(f"file:{house.agent / 'runs.db'}?mode=ro", uri=True, timeout=patience)
    try:
        yield db
    finally:
        db.close()


def verdicts(house: DemoFolders) -> Verdicts:
    with reading(house) as db:
        return dict(db.execute("select id, verdict from replays"))


def decisions(house: DemoFolders) -> dict[int, str]:
    """Candidates whose fate is settled."""
    with reading(house) as db:
        sql = "select id, status from candidates where status in ('kept', 'refused', 'screened_out', 'invalid')"
        return dict(db.execute(sql))


def leftovers(house: DemoFolders, temporary: Path, *, over: bool = True) -> list[str]:
    """What a night that is over must not leave behind: temporary folders, locks, worktrees, processes. Programs that
    were killed with it may take a moment to end. One that was told to stop may leave half made parts of the cache."""
    end = time.monotonic() + SOON_GONE
    while (running := about(house)) and time.monotonic() < end:
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


def about(house: DemoFolders) -> dict[int, str]:
    """Processes whose command line or working directory lies in this house, with the beginning of the former."""
    found, mark = dict[int, str](), str(house.root)
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            with contextlib.suppress(OSError):
                words = (entry / "cmdline").read_bytes().decode("utf-8", "replace")
                if mark in words or os.readlink(entry / "cwd").startswith(mark):
                    found[int(entry.name)] = words.replace("\0", " ")[:200]
    return found


def gone(processes: Sequence[tuple[int, str]], seconds: float = SOON_GONE) -> int:
    """How many of these processes still run after a while."""
    end = time.monotonic() + seconds
    while alive(processes) and time.monotonic() < end:
        time.sleep(0.05)
    return len(alive(processes))


def last_words(running: Running) -> str:
    """The line that says why it stopped, else its last one."""
    lines = [line for line in running.words().strip().splitlines() if not line.startswith("  gate:")]
    stopped = [line for line in lines if line.startswith(("error:", "STOPPED", "ended early"))]
    return (stopped or lines or [""])[-1][:200]
