"""Moments of a night: its process goes on in small steps until runs.db says that a stage has begun, and stands still
there."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sqlite3
import time
from pathlib import Path

from bench.faults.running import Running, reading
from meta.demo.project import DemoHouse

STAGES = {
    "start": 0.3, "ingest": 0.05, "causes": 0.05, "feedback tickets": 8.0, "mined tickets": 5.0, "tickets": 5.0,
    "tune": 6.0, "merge": 0.0, "publish": 0.0, "compare": 0.0, "clean": 0.01, "report": 0.0, "over": 0.05,
}  # fmt: skip
"""Every stage of a night in its order, from the moment that it has the lock (`start`) until it is over, and how many
seconds after its beginning something is done to it, at most."""

STEP = 0.0003
PATIENCE = 300.0


def stands_at(running: Running, house: DemoHouse, stage: str, after: float) -> bool:
    """Let a night go on until so many seconds after a stage has begun. It stands still then; `False`: it had ended."""
    end = time.monotonic() + PATIENCE
    while not _has_the_lock(running, house):
        if running.ended() or time.monotonic() > end:
            return False
        time.sleep(STEP)
    with reading(house, 0.05) as db:
        while not running.ended() and time.monotonic() < end:
            _stop(running)
            if _has_begun(db, stage):
                if after:
                    _go_on(running)
                    time.sleep(after)
                    _stop(running)
                return not running.ended()
            _go_on(running)
            time.sleep(STEP)
    return False


def told(running: Running, number: int) -> None:
    """Send its main thread a signal, as the kernel does where a process runs; of one that stands still it takes any."""
    ctypes.CDLL(None).tgkill(running.pid, running.pid, number)


def goes_on(running: Running) -> None:
    """What `stands_at` had stopped runs again."""
    _go_on(running)


def _stop(running: Running) -> None:
    with contextlib.suppress(OSError):
        os.kill(running.pid, signal.SIGSTOP)
        while Path(f"/proc/{running.pid}/stat").read_text().rpartition(")")[2].split()[0] not in ("T", "Z", "X"):
            time.sleep(0.0005)


def _go_on(running: Running) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(running.pid, signal.SIGCONT)


def _has_the_lock(running: Running, house: DemoHouse) -> bool:
    with contextlib.suppress(OSError):
        return f"process {running.pid} on" in (house.agent / "runs.db.lock").read_text()
    return False


def _has_begun(db: sqlite3.Connection, stage: str) -> bool:
    if stage == "start":
        return True
    done = {"report": "clean", "over": "report"}
    names = list(STAGES)
    # Where there is nothing to do a stage may be over before anybody has looked: one of the next will do.
    later = names[names.index(stage) :]
    with contextlib.suppress(sqlite3.Error):
        if stage in done:
            return bool(db.execute("select 1 from stages where stage = ?", (done[stage],)).fetchone())
        return any(name in later for (name,) in db.execute("select stage from nights"))
    return False
