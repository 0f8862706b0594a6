"""Runs small nights against the stand-in, and breaks them in every known way.

    python -m bench.faults [--kills 200] [--seconds 20] [--only kills,service,...] [--json]

Prints how many verdicts were lost or changed, how many calls that were not in flight were paid for twice, and what was
left behind; then, for each trouble, how the night ended, and how the next one did. `ok` says whether all went well.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench.faults import troubles
from bench.faults.disk import fill_disk
from bench.faults.kills import kills
from bench.faults.moments import STAGES
from bench.faults.service import FAULTS, Service, serve_faults
from bench.small_house import small_house
from meta.demo.folders import DemoFolders

PARTS = ("kills", "service", "disk", "database", "signals", "repository", "person")
SMALL = {"disk", "signals"}
"""Troubles for a smaller project, once for each stage of a night."""
PARALLEL = 2
FROM_THE_START = "529"
"""The trouble that also occurs when the night begins."""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.faults", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=20.0, help="how long the service is in trouble")
    parser.add_argument("--signals", type=int, default=1, help="how often a night is told to stop at each stage")
    parser.add_argument("--disks", type=int, default=len(STAGES), help="how many disks fill up, each at another stage")
    parser.add_argument("--only", default=",".join(PARTS), help=f"parts to run: {', '.join(PARTS)}")
    parser.add_argument("--faults", default=",".join(FAULTS), help="faults of the service")
    parser.add_argument(
        "--stages", default=",".join(STAGES), help="stages at which a night is told to stop or the disk fills up"
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true", help="one JSON document")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="faults-") as folder, serve_faults(arguments.seed) as service:
        result = run(Path(folder), service, arguments)
    print(json.dumps(result) if arguments.json else json.dumps(result, indent=2))
    sys.exit(not result["ok"])


def run(where: Path, service: Service, arguments: argparse.Namespace) -> dict[str, Any]:
    only, draw = arguments.only.split(","), random.Random(arguments.seed)
    common: dict[str, Any] = {"parallel": PARALLEL, "timeout": 5.0, "patience": 1.0}
    model = small = DemoFolders(where / "none")
    if {*only} - SMALL:
        model = small_house(where / "model", **common)
    if {*only} & SMALL:
        small = small_house(where / "small", tickets=5, waiting=1, replays=8, reviews=8, **common)
    result: dict[str, Any] = {}
    if "kills" in only:
        result |= kills(arguments.kills, arguments.seed, model, service, where / "kills", PARALLEL)
    found = []
    for number, trouble in enumerate(_troubles(model, small, service, where, arguments, only, draw)):
        if trouble is not None:
            found.append(trouble)
            print(json.dumps(trouble), file=sys.stderr, flush=True)
        for path in where.glob("t-*"):
            shutil.rmtree(path, ignore_errors=True)
        del number
    result["troubles"] = found
    result["ok"] = not any(
        result.get(name)
        for name in ("lost", "double_charged", "changed", "strays", "leftovers", "unrecorded", "failed_starts")
    ) and all(_fine(trouble) for trouble in found)
    return result


def _troubles(
    model: DemoFolders,
    small: DemoFolders,
    service: Service,
    where: Path,
    arguments: argparse.Namespace,
    only: list[str],
    draw: random.Random,
) -> Iterator[troubles.Result | None]:
    stages = [stage for stage in STAGES if stage in arguments.stages.split(",")]
    if "service" in only:
        for name in filter(None, arguments.faults.split(",")):
            yield troubles.break_service(name, model, service, where / "t-service", arguments.seconds)
            if name == FROM_THE_START:
                yield troubles.break_service(name, model, service, where / "t-start", arguments.seconds, after=0)
    if "disk" in only:
        for number in range(arguments.disks):
            yield fill_disk(
                stages[number % len(stages)], number % 2 == 0, small, service, where / f"t-disk-{number}", draw
            )
    if "database" in only:
        yield troubles.lock_database(model, service, where / "t-locked")
        yield troubles.corrupt_database(model, service, where / "t-corrupted", draw)
    if "signals" in only:
        for stage in stages:
            for kind in (signal.SIGTERM, signal.SIGINT) * arguments.signals:
                after = draw.uniform(0.0, STAGES[stage])
                yield troubles.stop_by_signal(kind, stage, after, small, service, where / f"t-signal-{stage}-{kind}")
    if "repository" in only:
        yield troubles.move_repository(model, service, where / "t-gone")
        yield troubles.rewrite_history(model, service, where / "t-forced")
    if "person" in only:
        yield troubles.edit_during_night(model, service, where / "t-person")


def _fine(trouble: troubles.Result) -> bool:
    """Whether the night ended clearly, the next went well, and nothing was harmed."""
    return (
        trouble.get("code") in (*troubles.CLEAR, 130, None)
        and trouble.get("then", 0) in (0, 3, 4)
        and not trouble.get("lost")
        and not trouble.get("false_failed")
        and not trouble.get("traceback")
        and not trouble.get("left")
        and trouble.get("untouched", True) is True
        and trouble.get("reached", True) is True
        and trouble.get("copy offered", True) is True
        and not trouble.get("too_many_requests")
    )


if __name__ == "__main__":
    main()
