"""Measures the gate where replays come back void, on worlds with a known truth.

    python -m bench.gate_voids              a table to read
    python -m bench.gate_voids --json       one JSON document, with settings, intervals and seconds
    python -m bench.gate_voids --seed 7 --candidates 100

Hidden: a share of what went badly for the candidate is made void, its failures or the incumbent's passes. The gate
promises to keep no more than alpha of these. For comparison, the same where a void replay is first repeated twice.
Honest: every replay, of either arm, is void with the same chance, whatever it would have shown.
"""

from __future__ import annotations

import json
import math
import multiprocessing
import time
from dataclasses import asdict, dataclass
from random import Random
from typing import Any

from bench.gate import CONFIG, EARLIER_RUNS, GAINS, NULLS, SHARED_BY, N, parse_options, wilson
from bench.worlds import make, tickets
from meta.gate.gate import Gate
from meta.gate.pool import Pool, PooledGate

SHARES = (0.3, 0.6, 1.0)
HONEST = (0.0, 0.01, 0.05, 0.10)


@dataclass(frozen=True)
class Trouble:
    """How replays become void."""

    hidden: float = 0.0
    """Share of the candidate's failures."""
    hidden_passes: float = 0.0
    """Share of the incumbent's passes."""
    honest: float = 0.0
    """Share of all replays."""
    repeated: int = 0
    """How often a void replay is repeated before it counts; the gate never does that."""


@dataclass(frozen=True)
class Row:
    """What the gate did with candidates of one effect in one kind of trouble."""

    effect: str
    trouble: Trouble
    candidates: int
    kept: float
    interval: tuple[float, float]
    """95 % Wilson interval of the share kept."""
    replays: float
    """Mean fresh replays of a test that counted."""


def draw(theta: float, arm: str, trouble: Trouble, rng: Random) -> float | None:
    """Return the outcome of one replay; None is void."""
    for _ in range(trouble.repeated + 1):
        passed = rng.random() < theta
        if arm == "candidate":
            lost = not passed and rng.random() < trouble.hidden
        else:
            lost = passed and rng.random() < trouble.hidden_passes
        if not lost and rng.random() >= trouble.honest:
            return float(passed)
    return None


def test_group(task: tuple[int, str, Trouble, int]) -> list[tuple[bool, int]]:
    """Test the candidates of one incumbent; return whether each was kept, and its replays.

    All kinds of trouble see the same worlds and edits.
    """
    seed, effect, trouble, number = task
    world_rng = Random(f"{seed} {effect} {number}")
    world = tickets("bimodal", N, EARLIER_RUNS, world_rng)
    edits = [make(effect, world, world_rng) for _ in range(SHARED_BY)]
    luck, pool = Random(f"{task}"), Pool(N)
    stale = [(0.35 + passes, 0.45 + fails) for passes, fails in world.earlier]
    done = []
    for edit in edits:
        trial = PooledGate(Gate(N, edit.theme, prior=stale, config=CONFIG), pool)
        while trial.decision is None:
            trial.tell(
                [draw((edit.q if arm == "candidate" else world.p)[i], arm, trouble, luck) for arm, i in trial.requests]
            )
        done.append((trial.decision.accept, trial.fresh))
    return done


def plan() -> list[tuple[str, Trouble]]:
    """Return the effects and kinds of trouble, in the order of the table."""
    cells = [(effect, Trouble(honest=share)) for share in HONEST for effect in (*NULLS, *GAINS)]
    cells += [(effect, Trouble(hidden=share)) for share in SHARES for effect in NULLS]
    cells += [(effect, Trouble(hidden_passes=share)) for share in SHARES for effect in NULLS]
    return cells + [(effect, Trouble(hidden=share, repeated=2)) for share in SHARES for effect in NULLS]


def run(seed: int, candidates: int, processes: int) -> dict[str, Any]:
    began, rows = time.perf_counter(), []
    groups = math.ceil(candidates / SHARED_BY)
    with multiprocessing.Pool(processes) as workers:
        for effect, trouble in plan():
            tasks = [(seed, effect, trouble, number) for number in range(groups)]
            tests = [test for group in workers.imap(test_group, tasks, chunksize=4) for test in group]
            kept = sum(accept for accept, _ in tests)
            low, high = wilson(kept, len(tests))
            rows.append(
                Row(
                    effect,
                    trouble,
                    len(tests),
                    round(kept / len(tests), 4),
                    (round(low, 4), round(high, 4)),
                    round(sum(replays for _, replays in tests) / len(tests), 1),
                )
            )
    return {
        "bench": "gate_voids",
        "settings": {"tickets": N, "gate": asdict(CONFIG), "seed": seed, "candidates": groups * SHARED_BY},
        "rows": [asdict(row) for row in rows],
        "promise_held": all(row.interval[0] <= CONFIG.alpha for row in rows if is_promised(row)),
        "seconds": round(time.perf_counter() - began, 1),
    }


def is_promised(row: Row) -> bool:
    """Return whether the gate promises to keep hardly any of these."""
    return row.effect in NULLS and not row.trouble.repeated


def table(result: dict[str, Any]) -> str:
    lines = [f"kept % / mean replays; {result['settings']['candidates']} candidates each, alpha {CONFIG.alpha}"]
    lines.append("void replays".ljust(46) + "".join(effect.rjust(15) for effect in (*NULLS, *GAINS)))
    found: dict[str, list[dict[str, Any]]] = {}
    for row in result["rows"]:
        found.setdefault(describe(Trouble(**row["trouble"])), []).append(row)
    for words, rows in found.items():
        cells = {row["effect"]: f"{100 * row['kept']:.1f} / {row['replays']:.0f}" for row in rows}
        lines.append(words.ljust(46) + "".join(cells.get(effect, "").rjust(15) for effect in (*NULLS, *GAINS)).rstrip())
    lines.append(f"promise {'held' if result['promise_held'] else 'BROKEN'}; {result['seconds']} s")
    return "\n".join(lines)


def describe(trouble: Trouble) -> str:
    if trouble.honest:
        return f"honest, {trouble.honest:.0%} of all"
    if trouble.hidden_passes:
        return f"hidden, {trouble.hidden_passes:.0%} of the incumbent's passes"
    if not trouble.hidden:
        return "none"
    return f"hidden, {trouble.hidden:.0%} of failures" + (", repeated twice" if trouble.repeated else "")


def main() -> None:
    options = parse_options("python -m bench.gate_voids", (__doc__ or "").splitlines()[0], 400)
    result = run(options.seed, options.candidates, options.processes)
    print(json.dumps(result) if options.json else table(result))


if __name__ == "__main__":
    main()
