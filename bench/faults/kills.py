"""Kills `meta nightly` and the processes that it started, at random moments."""

from __future__ import annotations

import random
import shutil
import time
from collections import Counter
from pathlib import Path

from bench.faults.running import (
    Running,
    count_survivors,
    descendants,
    find_leftovers,
    kill,
    open_runs,
    read_decisions,
    read_verdicts,
)
from bench.faults.service import Service
from bench.small_house import copy_house
from meta.demo.folders import DemoFolders

LATEST = 10.0
"""Seconds within which a process is killed."""
CHILDREN = 0.3
"""Share of the kills that hit a child instead of the parent."""
NIGHTS = 2
"""Nights in a project before it is replaced by a fresh one."""


def kills(number: int, seed: int, model: DemoFolders, service: Service, where: Path, parallel: int) -> dict[str, int]:
    """Kill this many processes, and return the counts."""
    draw, count = random.Random(seed), Counter[str]({"lost": 0, "double_charged": 0, "changed": 0, "strays": 0})
    count.update(dict.fromkeys(("leftovers", "failed_starts", "unrecorded", "kills", "nights"), 0))
    while count["kills"] < number:
        where.mkdir(parents=True, exist_ok=True)
        house = copy_house(model, where / "house")
        _one_house(house, number, draw, count, service, where / "tmp", parallel)
        shutil.rmtree(where, ignore_errors=True)
    return dict(count)


def _one_house(
    house: DemoFolders,
    number: int,
    draw: random.Random,
    count: Counter[str],
    service: Service,
    tmp: Path,
    parallel: int,
) -> None:
    seen, settled, nights = read_verdicts(house), read_decisions(house), 0
    answered = service.answered
    while nights < NIGHTS:
        begun, made = service.begun, len(seen)
        running = Running(house, service.url, temporary=tmp)
        killed = False
        while not killed and not running.ended():
            if count["kills"] >= number:
                running.wait(600)
                break
            _watch(running, house, draw.uniform(0.2, LATEST), seen)
            below = descendants(running.pid)
            if running.ended():
                break
            if below and draw.random() < CHILDREN:
                count["kills"] += kill(draw.choice(below)[0])
                count["children"] += 1
                continue
            killed = kill(running.pid)
            running.process.wait()
            count["kills"] += 1
            count["strays"] += count_survivors(below)
            service.settled()
        now, fates = read_verdicts(house), read_decisions(house)
        count["lost"] += len(seen.keys() - now.keys())
        count["changed"] += sum(now[name] != verdict for name, verdict in seen.items() if name in now)
        count["changed"] += sum(fates.get(name) != fate for name, fate in settled.items())
        in_flight = parallel if killed else 0
        count["double_charged"] += max(0, service.begun - begun - (len(now) - made) - in_flight)
        seen, settled = now, fates
        if not killed:
            nights += 1
            count["nights"] += 1
            if running.process.returncode not in (0, 3, 4):
                count["failed_starts"] += 1
                count_words(running, count)
            left = find_leftovers(house, tmp)
            count["leftovers"] += len(left)
            if left:
                print("left behind:", left, flush=True)
    with open_runs(house) as db:
        rows = db.execute("select count(*) from calls where ended = 'answered' or ended is null").fetchone()[0]
    count["unrecorded"] += max(0, service.answered - answered - rows)


def count_words(running: Running, count: Counter[str]) -> None:
    """Show why a start failed: nothing that is broken here may make one fail."""
    print(f"a start failed with {running.process.returncode}:\n{running.words()[-3000:]}", flush=True)
    count["tracebacks"] += "Traceback" in running.words()


def _watch(running: Running, house: DemoFolders, seconds: float, seen: dict[str, str]) -> None:
    """Let it run; every verdict that a reader sees meanwhile must stay forever."""
    end = time.monotonic() + seconds
    while time.monotonic() < end and not running.ended():
        time.sleep(0.05)
    seen.update({name: verdict for name, verdict in read_verdicts(house).items() if name not in seen})
