"""Measures the engine's own cost as its record grows to 100,000 replays.

    python -m bench.nights --growth          a table to read
    python -m bench.nights --growth --json   one JSON document

The record is first filled with nights that look real (replays with transcripts and diffs, candidates, decided tests).
Then real nights run on it (loop, store, screen and gate) with verdicts that cost nothing, so this measures the engine
alone. Memory is the peak of what Python allocated during those nights.
"""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from bench.engine import Engine
from bench.growing import World
from meta.gate.gate import Gate
from meta.records.candidate import Candidate, Edit
from meta.records.replay import Replay
from worker_agent.records import Usage

SIZES = (1_000, 3_000, 10_000, 30_000, 100_000)
TICKETS, BUDGET, EDITS, NIGHTS = 50, 200, 5, 4
A_NIGHT = 150
"""Replays of a filled-in night."""
A_VERSION = 1000
"""Replays after which the filled-in record has another incumbent; about one edit a week is kept."""

FLAT = 2.0
"""Cost counts as flat if the largest record costs at most this many times as much as the smallest."""

TRANSCRIPT = [{"kind": "reply", "content": [{"type": "text", "text": "x" * 400}]}]
EARLIER = Replay(
    id="",
    ticket="",
    version="",
    purpose="gate",
    verdict="passed",
    reason="simulated",
    ended="submitted",
    diff="+" * 500,
    summary="done",
    model="simulated",
    usage=Usage(calls=10, input_tokens=10_000, output_tokens=1000, cache_read_tokens=0, cache_write_tokens=0, usd=0.01),
    seconds=60.0,
    grading_seconds=5.0,
    started_at="2026-01-01",
)
"""A replay of a filled-in night, but for what differs from one to the next."""


@dataclass(frozen=True)
class Size:
    """What nights cost on a record of this size."""

    record: int
    replays: int
    """Replays that the measured nights ran."""
    milliseconds: float
    """The engine's processor time per replay."""
    kilobytes: float
    """Peak memory of those nights, per replay."""
    database_megabytes: float


def fill(engine: Engine, replays: int, made: int) -> None:
    """Bring the record from `made` to `replays` replays, as past nights would have."""
    store, tickets = engine.store, engine.world.tickets
    gate = Gate(30, [1, 2, 3])
    gate.stop("an earlier night")
    night = promotion = 0
    candidate: Candidate | None = None
    with store.all_or_nothing():
        for number in range(made, replays):
            if number % A_VERSION == 0 or not promotion:
                version = f"base {number // A_VERSION}"
                promotion = store.incumbents.promote(version, "simulated")
            if number % A_NIGHT == 0 or not night:
                night = store.nights.resume_or_open_tuning(BUDGET).id
                store.nights.end_tuning(night, {})
            if number % (A_NIGHT // EDITS) == 0 or not candidate:
                edit = Edit(title=f"earlier {number}", themes=("tests",), changes={f"prompts/old-{number}.md": "x"})
                candidate = store.candidates.add(night, version, edit)
                candidate = store.candidates.move(candidate, "testing", version=f"{version} {number}", commit="base")
                store.gate_tests.save(candidate.id, version, tickets[:30], gate.record())
                candidate = store.candidates.move(candidate, "refused")
            own = number % 3 > 0
            replay = EARLIER.model_copy(
                update={
                    "id": f"filled-{number}",
                    "ticket": tickets[number % len(tickets)],
                    "version": f"{version} {number}" if own else version,
                    "purpose": "gate" if number % 5 else "screen",
                    "verdict": "passed" if number % 2 else "failed",
                    "candidate": candidate.id if own else None,
                    "rank": number + 1,
                }
            )
            store.replays.add(replay, TRANSCRIPT, night, promotion)


def measure(engine: Engine, size: int, nights: int) -> Size:
    """Run real nights on the record, and measure them."""
    world = engine.world
    seconds = peak = 0.0
    made = 0
    for number in range(nights):
        edits = world.propose(engine.incumbent, EDITS)
        memory = number == nights - 1  # tracing is slow, so the last night is measured for memory only
        if memory:
            tracemalloc.start()
        began = time.process_time()
        _, replays = engine.night(edits)
        if memory:
            peak = tracemalloc.get_traced_memory()[1] / max(replays, 1)
            tracemalloc.stop()
        else:
            seconds, made = seconds + time.process_time() - began, made + replays
    bytes_ = engine.store.path.stat().st_size
    return Size(size, made, round(1000 * seconds / max(made, 1), 2), round(peak / 1024, 1), round(bytes_ / 2**20, 1))


def run(seed: int, sizes: Sequence[int] = SIZES, nights: int = NIGHTS) -> dict[str, Any]:
    """Measure a record of each size, with the same world and the same first edits."""
    began, found = time.perf_counter(), []
    for size in sizes:
        engine = Engine(World(seed, TICKETS), seed, BUDGET)
        fill(engine, size, 0)
        found.append(measure(engine, size, nights))
        engine.close()
    first, last = found[0], found[-1]
    return {
        "bench": "growth",
        "settings": {
            "tickets": TICKETS,
            "replays_a_night": BUDGET,
            "edits_a_night": EDITS,
            "nights": nights,
            "seed": seed,
        },
        "sizes": [asdict(size) for size in found],
        "times_the_seconds": round(last.milliseconds / first.milliseconds, 2),
        "times_the_memory": round(last.kilobytes / first.kilobytes, 2),
        "flat": max(last.milliseconds / first.milliseconds, last.kilobytes / first.kilobytes) <= FLAT,
        "seconds": round(time.perf_counter() - began, 1),
    }


def table(result: dict[str, Any]) -> str:
    lines = ["replays on record   ms / replay   KB / replay   runs.db"]
    for size in result["sizes"]:
        lines.append(
            f"{size['record']:>17,} {size['milliseconds']:>13.1f} {size['kilobytes']:>13.1f}"
            f" {size['database_megabytes']:>6.0f} MB"
        )
    word = "flat" if result["flat"] else "NOT FLAT"
    lines.append(
        f"{word}: the largest record takes {result['times_the_seconds']:.2f} times the processor time of the smallest "
        f"and {result['times_the_memory']:.2f} times the memory; {result['seconds']} s"
    )
    return "\n".join(lines)
