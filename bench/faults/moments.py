"""Stops a night at a chosen stage.

Its process runs in small steps until runs.db says that the stage has begun.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sqlite3
import time
from pathlib import Path

from bench.faults.running import Running, open_runs
from meta.demo.folders import DemoFolders

STAGES = {
    "start": 0.3,
    "ingest": 0.05,
    "causes": 0.05,
    "feedback tickets": 8.0,
    "mined tickets": 5.0,
    "tickets": 5.0,
    "tune": 6.0,
    "merge": 0.0,
    "publish": 0.0,
    "compare": 0.0,
    "clean": 0.01,
    "report": 0.0,
    "over": 0.05,
}
"""Every stage of a night in order, from taking the lock (`start`) to the end (`over`), with the longest delay, in
seconds, before something is done to it."""

STEP = 0.0003
PATIENCE = 300.0


def stop_at(running: Running, house: DemoFolders, stage: str, after: float) -> str:
    """Let a night run until `after` seconds into a stage, and stop it there.

    Returns the stage that was seen: this one, or a later one if this one had nothing to do and ended too quickly. Empty
    if the night ended or the stage took too long to come.
    """
    end = time.monotonic() + PATIENCE
    while not _has_lock(running, house):
        if running.ended() or time.monotonic() > end:
            return ""
        time.sleep(STEP)
    with open_runs(house, 0.05) as db:
        while not running.ended() and time.monotonic() < end:
            _stop(running)
            if found := _find_stage(db, stage):
                if after:
                    _continue(running)
                    time.sleep(after)
                    _stop(running)
                return "" if running.ended() else found
            _continue(running)
            time.sleep(STEP)
    return ""


def send_signal(running: Running, number: int) -> None:
    """Send a signal to the main thread.

    The kernel does so for a running process, but for a stopped one it may choose any thread.
    """
    ctypes.CDLL(None).tgkill(running.pid, running.pid, number)


def resume(running: Running) -> None:
    """Let a stopped night run again."""
    _continue(running)


def _stop(running: Running) -> None:
    with contextlib.suppress(OSError):
        os.kill(running.pid, signal.SIGSTOP)
        while Path(f"/proc/{running.pid}/stat").read_text().rpartition(")")[2].split()[0] not in ("T", "Z", "X"):
            time.sleep(0.0005)


def _continue(running: Running) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(running.pid, signal.SIGCONT)


def _has_lock(running: Running, house: DemoFolders) -> bool:
    with contextlib.suppress(OSError):
        return f"process {running.pid} on" in (house.agent / "runs.db.lock").read_text()
    return False


def _find_stage(db: sqlite3.Connection, stage: str) -> str:
    """Return this stage or a later one if the night has reached it."""
    if stage == "start":
        return stage
    done = {"report": "clean", "over": "report"}
    later = list(STAGES)[list(STAGES).index(stage) :]
    with contextlib.suppress(sqlite3.Error):
        if stage in done:
            return stage if db.execute("select 1 from stages where stage = ?", (done[stage],)).fetchone() else ""
        return next((name for (name,) in db.execute("select stage from nights") if name in later), "")
    return ""
