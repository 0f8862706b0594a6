"""Checks that memory, open files, speed and writes stay flat over many replays.

    python -m bench.memory [--replays 10000] [--real 200] [--json]

There are two parts, because ten thousand sandboxed test runs take long. The verdicts of `--replays` are drawn at
random; the executor's interface, the records and the store are real. `--real` replays are those of `bench.overhead`: a
worker with one tool call, sandbox, grading and record, two at a time.

Each tenth of a part is a row: the process's own memory (anonymous pages), open files, threads, and, per replay,
seconds, the parent's processor time, and what the store passed to the kernel (write-ahead log, and copying it into
runs.db). `flat` compares the last tenth with the second: memory at most 5 % and 2 MB more, no more open files, at most
a quarter more written, and at most a quarter more processor time of the parent. Seconds are left out, because they
depend on whatever else runs on the machine.
"""

from __future__ import annotations

import argparse
import gc
import json
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from bench.overhead import Contest
from meta.records.ticket import Ticket
from meta.replay.run import ReplayJob
from meta.replay.simulated import SimulatedExecutor
from meta.store.store import Store
from worker_agent.surface import AgentConfig, Surface

EVENTS = [{"kind": "reply", "content": [{"type": "text", "text": "x" * 2000}]}]

Make = Callable[[int], int]
"""Runs this many replays and stores them; returns the bytes that the store wrote."""


def rows(make: Make, number: int) -> Iterator[dict[str, float]]:
    """Yield, for each tenth of the replays, what it took and what the process holds."""
    for tenth in range(1, 11):
        size = number * tenth // 10 - number * (tenth - 1) // 10
        begun, worked = time.perf_counter(), time.process_time()
        written = make(size)
        seconds, worked = time.perf_counter() - begun, time.process_time() - worked
        gc.collect()
        yield {
            "replays": number * tenth // 10,
            "memory_mb": round(_number("status", "RssAnon") / 1024, 1),
            "files": len(list(Path("/proc/self/fd").iterdir())),
            "threads": threading.active_count(),
            "seconds": round(seconds / size, 4),
            "parent_ms": round(1000 * worked / size, 2),
            "kb_written": round(written / size / 1024, 1),
        }


def _number(file: str, name: str) -> int:
    lines = Path("/proc/self", file).read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:"))


def _written(keep: Callable[[], object]) -> int:
    before = _number("io", "wchar")
    keep()
    return _number("io", "wchar") - before


def drawn(folder: Path) -> Make:
    """Return what stores replays with verdicts drawn at random."""
    store = Store(folder / "runs.db")
    tickets = [Ticket(id=f"t-{n}", title="t", repo="-", base_commit="-") for n in range(50)]
    for ticket in tickets:
        store.tickets.add(ticket)
    surface = Surface(root=folder, config=AgentConfig(), prompts={}, version="v")
    executor = SimulatedExecutor(lambda version, ticket: 0.5, 1)

    def make(number: int) -> int:
        jobs = (ReplayJob(n, tickets[n % 50], surface, "incumbent") for n in range(number))
        return sum(_written(partial(store.replays.add, done.replay, EVENTS)) for _, done in executor.run(jobs))

    return make


def real(bench: Contest) -> Make:
    """Return what runs real replays, with a null worker."""

    def make(number: int) -> int:
        return sum(_written(partial(bench.keep, done)) for done in bench.made(number))

    return make


def judged(found: list[dict[str, float]]) -> dict[str, Any]:
    early, late = found[1], found[-1]
    flat = (
        late["memory_mb"] <= early["memory_mb"] * 1.05 + 2
        and late["files"] <= early["files"]
        and late["kb_written"] <= early["kb_written"] * 1.25
        and late["parent_ms"] <= early["parent_ms"] * 1.25
    )
    return {"rows": found, "flat": flat}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument(
        "--replays", type=int, default=10_000, help="number of replays with random verdicts; 0 for none"
    )
    parser.add_argument(
        "--real", type=int, default=200, help="number of replays with worker, sandbox and grading; 0 for none"
    )
    parser.add_argument("--json", action="store_true", help="one JSON document")
    arguments = parser.parse_args()
    result = {}
    with tempfile.TemporaryDirectory(prefix="memory-", ignore_cleanup_errors=True) as folder:
        if arguments.replays:
            result["drawn"] = judged(list(rows(drawn(Path(folder)), arguments.replays)))
        if arguments.real:
            bench = Contest(Path(folder) / "real", 20, 2)
            result["real"] = judged(list(rows(real(bench), arguments.real)))
            bench.close()
    if arguments.json:
        print(json.dumps(result))
        return
    for part, found in result.items():
        print(part, "flat" if found["flat"] else "NOT FLAT")
        for row in found["rows"]:
            print("  " + "  ".join(f"{name} {value:g}" for name, value in row.items()))


if __name__ == "__main__":
    main()
