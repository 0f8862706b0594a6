"""Whether the parent's memory stays flat, and the store's writes small, over very many replays.

    python -m bench.memory [--replays 10000] [--real 200] [--json]

Two parts, since ten thousand sandboxed test runs take hours. `--replays` have verdicts that are drawn, not tested; the
executor's interface, the records and the store are the real ones. `--real` go the way of `bench.overhead`: worker,
sandbox, grading, record. Memory is what the process has taken for itself, after a first tenth that warms up caches and
at the end. Bytes written are what it handed to the kernel, a replay, in the second tenth and in the last.
"""

from __future__ import annotations

import argparse
import gc
import json
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import repeat
from pathlib import Path

from bench.overhead import Bench
from meta.records import Ticket
from meta.replay.executor import Job
from meta.store.store import Store
from meta.tune.simulated import SimulatedExecutor
from worker_agent.surface import AgentConfig, Surface

EVENTS = [{"kind": "reply", "content": [{"type": "text", "text": "x" * 2000}]}]


@dataclass(frozen=True)
class Seen:
    """Memory in MB, and bytes written so far."""

    memory: float
    written: int


def look() -> Seen:
    gc.collect()
    status = Path("/proc/self/status").read_text()
    memory = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("RssAnon"))
    written = next(
        int(line.split()[1]) for line in Path("/proc/self/io").read_text().splitlines() if line.startswith("wchar")
    )
    return Seen(memory / 1024, written)


def simulated(folder: Path, number: int) -> list[Seen]:
    """Replays with drawn verdicts, kept in a store; what was seen after each tenth."""
    store = Store(folder / "runs.db")
    tickets = [Ticket(id=f"t-{n}", title="t", repo="-", base_commit="-") for n in range(50)]
    for ticket in tickets:
        store.add_ticket(ticket)
    surface = Surface(root=folder, config=AgentConfig(), prompts={}, version="v")
    jobs = (Job(n, tickets[n % 50], surface, "incumbent") for n in range(number))
    seen = []
    for made, (_, done) in enumerate(SimulatedExecutor(lambda version, ticket: 0.5, 1).run(jobs), 1):
        store.add_replay(done.replay, EVENTS)
        if made % (number // 10) == 0:
            seen.append(look())
    store.close()
    return seen


def real(folder: Path, number: int) -> list[Seen]:
    """Replays as they are, with a null worker; what was seen after each tenth."""
    bench = Bench(folder, 20, 2)
    return list(_tenths(bench, max(number // 10, 1)))


def _tenths(bench: Bench, size: int) -> Iterator[Seen]:
    for tenth in repeat(size, 10):
        bench.replays(tenth)
        yield look()
    bench.store.close()


def growth(seen: list[Seen], number: int) -> dict[str, float]:
    tenth = number / 10
    return {
        "replays": number,
        "memory_mb_after_first_tenth": round(seen[0].memory, 1),
        "memory_mb_at_the_end": round(seen[-1].memory, 1),
        "kb_written_a_replay_early": round((seen[1].written - seen[0].written) / tenth / 1024, 2),
        "kb_written_a_replay_late": round((seen[-1].written - seen[-2].written) / tenth / 1024, 2),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--replays", type=int, default=10_000, help="with drawn verdicts")
    parser.add_argument("--real", type=int, default=200, help="with worker, sandbox and grading")
    parser.add_argument("--json", action="store_true", help="one JSON document")
    arguments = parser.parse_args()
    result = {}
    with tempfile.TemporaryDirectory(prefix="memory-", ignore_cleanup_errors=True) as folder:
        if arguments.replays:
            result["drawn"] = growth(simulated(Path(folder), arguments.replays), arguments.replays)
        if arguments.real:
            result["real"] = growth(real(Path(folder) / "real", arguments.real), arguments.real)
    if arguments.json:
        print(json.dumps(result))
        return
    for part, found in result.items():
        print(part)
        for name, value in found.items():
            print(f"  {name:<30} {value}")


if __name__ == "__main__":
    main()
