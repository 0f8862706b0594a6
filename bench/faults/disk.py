"""Disks that fill up during a night and have room again before the next."""

from __future__ import annotations

import os
import random
import re
import shutil
import subprocess
import zlib
from pathlib import Path

from bench.faults.moments import STAGES, resume, stop_at
from bench.faults.running import Running, find_last_words, find_leftovers, open_runs, read_verdicts
from bench.faults.service import Service
from bench.small_house import copy_house
from meta.demo.folders import DemoFolders

PLACES = ("disk", "disk with the scratch", "memory with the scratch")
"""What is full: the disk with the agent's repository, runs.db and all caches, with or without the scratch folder, or
the file system in memory that holds the scratch folder."""

FULL = re.compile(r"No space left on device|disk is full", re.IGNORECASE)
LITTLE, MORE = 8, 600
"""Most pages left at the chosen moment, so that the disk is full at once, or soon."""


def fill_disk(
    stage: str, at_once: bool, model: DemoFolders, service: Service, where: Path, draw: random.Random
) -> dict[str, object] | None:
    """Run a night on a disk that fills up during a stage.

    Returns `None` if no such disk can be mounted.
    """
    place, after = draw.choice(PLACES), draw.uniform(0.0, STAGES[stage])
    pages = draw.randint(0, LITTLE if at_once else MORE)
    where.mkdir(parents=True, exist_ok=True)
    if os.geteuid() or not _mount("tmpfs", where, "size=2g"):
        return None
    try:
        house = copy_house(model, where / "house")
        _forget_environments(house)
        first = Running(house, service.url, temporary=where / "tmp", before=_own_memory(place))
        reached = stop_at(first, house, stage, after)
        full = Path("/proc", str(first.pid), "root/dev/shm") if place == PLACES[2] else where
        if reached:
            _fill(full, first.pid, pages)
        resume(first)
        code = first.wait(600)
        _mount("tmpfs", where, "remount,size=2g")
        seen, words = read_verdicts(house), first.words()
        second = Running(house, service.url, temporary=where / "tmp")
        then, now = second.wait(600), read_verdicts(house)
        return {
            "fault": f"{place} full but for {pages} pages, {after:.2f} s into {reached or stage}",
            "reached": bool(reached),
            "code": code,
            "then": then,
            "met": len(FULL.findall(words)),
            "lost": sum(now.get(name) != verdict for name, verdict in seen.items()),
            "false_failed": find_false_failures(house),
            "void": sum(verdict == "void" for verdict in now.values()),
            "traceback": "Traceback" in words + second.words(),
            "left": find_leftovers(house, where / "tmp"),
            "said": find_last_words(first),
            "then_said": find_last_words(second),
        }
    finally:
        subprocess.run(["umount", str(where)], check=False)


def find_false_failures(house: DemoFolders) -> list[str]:
    """Return replays that failed, and tickets quarantined, because of a full disk."""
    with open_runs(house) as db:
        replays = db.execute(
            "select r.id, r.reason, t.events from replays r join transcripts t on t.replay = r.id"
            " where r.verdict = 'failed'"
        ).fetchall()
        tickets = db.execute("select id, reason from tickets where status = 'quarantined'").fetchall()
        tickets += db.execute("select key, reason from feedback_tickets where status = 'quarantined'").fetchall()
    found = [name for name, reason, events in replays if FULL.search(reason + zlib.decompress(events).decode())]
    return found + [name for name, reason in tickets if FULL.search(reason)]


def _own_memory(place: str) -> list[str]:
    """Return how to start a process with a private file system in memory.

    It is too small for the scratch folder, or large enough.
    """
    if place == PLACES[0]:
        return []
    size = "64m" if place == PLACES[1] else "12g"
    return ["unshare", "-m", "sh", "-c", f'mount -t tmpfs -o size={size} tmpfs /dev/shm && exec "$@"', "sh"]


def _forget_environments(house: DemoFolders) -> None:
    """Remove the environments, so that they are rebuilt from the installer's cache."""
    for path in (house.agent / ".meta" / "environments").glob("*"):
        if path.is_dir() and path.name != "uv":
            shutil.rmtree(path)
        elif path.is_file():
            path.unlink()


def _fill(folder: Path, pid: int, pages: int) -> None:
    """Leave this many pages of the process's file system, while others write there."""
    for more in range(20):
        disk = os.statvfs(folder)
        size = (disk.f_blocks - disk.f_bfree + pages + 4 * more) * disk.f_frsize
        inside = [] if not folder.is_relative_to("/proc") else ["nsenter", "-t", str(pid), "-m"]
        target = "/dev/shm" if inside else str(folder)
        if not subprocess.run(
            [*inside, "mount", "-o", f"remount,size={size}", target], capture_output=True, check=False
        ).returncode:
            return


def _mount(kind: str, where: Path, options: str) -> bool:
    command = ["mount", "-t", kind, "-o", options, kind, str(where)]
    if options.startswith("remount"):
        command = ["mount", "-o", options, str(where)]
    return not subprocess.run(command, capture_output=True, check=False).returncode
