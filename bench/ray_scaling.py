"""Measures how well a Ray driver keeps its workers busy, and its memory.

    python -m bench.ray_scaling [--workers 8] [--replays 10000] [--milliseconds 200] [--json]

Replays on a local cluster sleep instead of working; shipping, queueing and receiving are real. `efficiency` is the
ideal time (replays x sleep / workers) divided by the time taken from the first replay to the last, after the workers
have started. Everything runs on one machine, so this says nothing about networks.
"""

from __future__ import annotations

import argparse
import json
import resource
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from meta.disk.cache import Cache
from meta.records.replay import Replay
from meta.records.ticket import Ticket
from meta.replay.ray_executor import NodeResult, NodeSettings, RayExecutor
from meta.replay.ray_shipping import PackedFolder, Shipment, unpack_surface, unpack_ticket
from meta.replay.run import FinishedReplay, ReplayJob
from worker_agent.model import ModelEndpoint
from worker_agent.records import Limits
from worker_agent.surface import DEFAULT_ROOT, load_surface


def sleeping(milliseconds: int, cache: Path) -> object:
    """Return a node's work that only unpacks a replay into `cache`, and sleeps."""

    def work(shipped: Shipment, template: PackedFolder, surface: PackedFolder, node: NodeSettings) -> NodeResult:
        ticket, shown = unpack_ticket(shipped.ticket, template, Cache(cache)), unpack_surface(surface, Cache(cache))
        time.sleep(milliseconds / 1000)
        done = Replay(
            id=f"{time.time_ns()}",
            ticket=ticket.id,
            version=shown.version,
            purpose=shipped.purpose,
            verdict="passed",
            reason="slept",
            ended="submitted",
            diff="+" * 2000,
        )
        return NodeResult(FinishedReplay(done, ({"kind": "end"},) * 20))

    return work


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.ray_scaling", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--workers", type=int, default=8)
    parser.add_argument("--replays", type=int, default=10_000)
    parser.add_argument("--milliseconds", type=int, default=200, help="how long each replay sleeps")
    parser.add_argument("--json", action="store_true", help="one JSON document")
    arguments = parser.parse_args()
    import ray

    ray.init(
        num_cpus=arguments.workers,
        include_dashboard=False,
        log_to_driver=False,
        logging_level="ERROR",
        object_store_memory=200 << 20,
    )
    try:
        with tempfile.TemporaryDirectory() as folder:
            result = measure(Path(folder), arguments.workers, arguments.replays, arguments.milliseconds)
    finally:
        ray.shutdown()
    print(json.dumps(result) if arguments.json else "\n".join(f"{k:<22} {v}" for k, v in result.items()))


def measure(where: Path, workers: int, replays: int, milliseconds: int) -> dict[str, float]:
    project = where / "project"
    project.mkdir()
    (project / "calc.py").write_text("x = 1\n")
    for command in (["init", "-q", "-b", "main"], ["add", "-A"], ["commit", "-q", "-m", "base"]):
        identity = ["-c", "user.name=x", "-c", "user.email=x@x.invalid"]
        subprocess.run(["git", *identity, *command], cwd=project, check=True)
    surface_root = where / "surface"
    for part in ("prompts", "tools"):
        shutil.copytree(DEFAULT_ROOT / part, surface_root / part, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(DEFAULT_ROOT / "agent.toml", surface_root)
    surface = load_surface(surface_root)
    ticket = Ticket(id="t", title="sleep", repo=str(project), base_commit="HEAD")
    node = NodeSettings(ModelEndpoint("none", "http://127.0.0.1:9"), "none", Limits())
    executor = RayExecutor(node, Cache(where / "cache"), work=sleeping(milliseconds, where / "node"))  # type: ignore[arg-type]

    def jobs(number: int) -> Iterator[ReplayJob]:
        return (ReplayJob(key, ticket, surface, "measure") for key in range(number))

    for _ in executor.run(jobs(workers * 4)):  # every worker has started
        pass
    before, begun, seen = _memory(), time.monotonic(), set[int]()
    half = before
    for job, finished in executor.run(jobs(replays)):
        assert finished.replay.verdict == "passed"
        seen.add(job.key)
        if len(seen) == replays // 2:
            half = _memory()
    took = time.monotonic() - begun
    ideal = replays * milliseconds / 1000 / workers
    return {
        "workers": workers,
        "replays": replays,
        "each_once": float(len(seen) == replays),
        "seconds": round(took, 2),
        "ideal_seconds": round(ideal, 2),
        "efficiency": round(ideal / took, 3),
        "driver_mb_before": round(before, 1),
        "driver_mb_half_way": round(half, 1),
        "driver_mb_after": round(_memory(), 1),
        "driver_mb_peak": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
    }


def _memory() -> float:
    """Return the resident memory of this process, in MB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / (1 << 20)


if __name__ == "__main__":
    main()
