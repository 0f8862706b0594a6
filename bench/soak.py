"""Checks that memory, open files and speed stay flat in one long run.

    python -m bench.soak [--replays 2000] [--json]

The replays run in one process, against the stand-in model. Each tenth of the run is a row: replays per minute, resident
memory, open files, threads, and scratch folders. `flat` compares the last fifth with the second: memory at most 20 %
and 20 MB more, no more open files, at least 80 % of the speed.
"""

from __future__ import annotations

import argparse
import json
import resource
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from bench.small_house import small_house
from meta.app import App, open_writable
from meta.demo.standin.server import serve_stand_in
from meta.replay.replayer import ReplayRequest
from meta.settings_file import load_settings

ROWS = 10


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.soak", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--replays", type=int, default=2000)
    parser.add_argument("--parallel", type=int, default=2)
    parser.add_argument("--json", action="store_true", help="one JSON document")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="soak-") as folder, serve_stand_in(1) as url:
        house = small_house(Path(folder) / "house", waiting=0, parallel=arguments.parallel)
        settings = load_settings(house.agent)
        settings = settings.model_copy(update={"worker": settings.worker.model_copy(update={"base_url": url})})
        with open_writable(house.agent, "soak", settings=settings) as app:
            result = soak(app, arguments.replays)
    if arguments.json:
        print(json.dumps(result))
        return
    for row in result["rows"]:
        print("  ".join(f"{name} {value}" for name, value in row.items()))
    print("flat" if result["flat"] else "NOT FLAT")


def soak(app: App, replays: int) -> dict[str, Any]:
    """Replay the agent in use on all tickets, in batches like a night's."""
    surface, tickets = app.versions.head().surface, app.store.tickets.admitted()
    replayer = app.replayer()
    rows, made, verdicts = [], 0, {"passed": 0, "failed": 0, "void": 0}
    for row in range(ROWS):
        begun, before = time.monotonic(), made
        while made < replays * (row + 1) // ROWS:
            batch = [tickets[(made + n) % len(tickets)] for n in range(replayer.parallel * 4)]
            for replay in replayer.run(
                [ReplayRequest(ticket, surface) for ticket in batch], "measure", retry_void=False
            ):
                verdicts[replay.verdict] += 1
                made += 1
        speed = (made - before) / (time.monotonic() - begun) * 60
        rows.append({"replays": made, "a_minute": round(speed, 1), **_state(app.project.cache.scratch())})
    early, late = rows[ROWS // 5], rows[-1]
    flat = (
        late["mb"] <= early["mb"] * 1.2 + 20
        and late["files"] <= early["files"]
        and late["scratch"] <= early["scratch"]
        and sum(r["a_minute"] for r in rows[-2:]) >= 0.8 * sum(r["a_minute"] for r in rows[2:4])
    )
    size = (app.project.database.stat().st_size) / (1 << 20)
    return {"replays": made, "verdicts": verdicts, "rows": rows, "flat": flat, "runs_db_mb": round(size, 1)}


def _state(scratch: Path) -> dict[str, Any]:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return {
        "mb": round(pages * resource.getpagesize() / (1 << 20), 1),
        "files": len(list(Path("/proc/self/fd").iterdir())),
        "threads": threading.active_count(),
        "scratch": len(list(scratch.glob("*"))),
    }


if __name__ == "__main__":
    main()
