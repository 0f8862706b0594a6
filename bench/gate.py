"""Compares the gate with common rules, on ticket worlds with a known truth.

    python -m bench.gate                    a table to read
    python -m bench.gate --json             one JSON document, with settings, seconds and the target figures
    python -m bench.gate --seed 7 --candidates 200

Every rule sees the same worlds. Four candidates are tested against one incumbent and share its fresh draws; a replay
counts once, for whoever ran it first. Keeping a candidate with one of the first three effects is a mistake.
"""

from __future__ import annotations

import argparse
import json
import math
import multiprocessing
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, replace
from random import Random
from typing import Any

from bench.worlds import SHAPES, Edit, Tickets, make, tickets
from meta.gate.gate import Gate
from meta.gate.gate_record import GateConfig
from meta.gate.pool import Pool, PooledGate

N = 50
SHARED_BY = 4
EARLIER_RUNS = 3
CONFIG = GateConfig(alpha=0.1, stop=0.1, k=2)
NULLS = ("null", "trading", "one sure fix")
GAINS = ("+.05", "+.10", "+.20")
POOR_THEMES = ("+.10 half named", "+.10 nothing named")

# effect -> largest or smallest share kept, and largest mean replays of a test: the targets of docs/gate.md
MOST = {"null": 0.02, "trading": 0.06, "one sure fix": 0.06}
LEAST = {"+.05": 0.30, "+.10": 0.80, "+.20": 0.95}
WITHIN = {"null": 35, "+.05": 470, "+.10": 260, "+.20": 115}


class Incumbent:
    """The incumbent's fresh draws, which the candidates of a group share."""

    def __init__(self, world: Tickets, rng: Random) -> None:
        self.world = world
        self._rng = rng
        self._draws: list[list[int]] = [[] for _ in world.p]
        self.made = 0

    def draw(self, ticket: int, j: int = 0) -> int:
        """Return the j-th draw on a ticket."""
        draws = self._draws[ticket]
        while len(draws) <= j:
            draws.append(int(self._rng.random() < self.world.p[ticket]))
            self.made += 1
        return draws[j]


@dataclass(frozen=True)
class Test:
    """What a rule did with one candidate."""

    kept: bool
    replays: int
    delta: float = 0.0
    """The true effect of the candidate."""


Rule = Callable[[Incumbent, Edit, Random, dict[str, Any]], Test]


def our_gate(incumbent: Incumbent, edit: Edit, rng: Random, group: dict[str, Any]) -> Test:
    world = incumbent.world
    if "pool" not in group:
        group["pool"] = Pool(len(world.p))
    stale = [(0.35 + passes, 0.45 + fails) for passes, fails in world.earlier]
    trial = PooledGate(Gate(len(world.p), edit.theme, prior=stale, config=CONFIG), group["pool"])
    while trial.decision is None:
        trial.tell(
            [
                float(rng.random() < (edit.q if arm == "candidate" else world.p)[ticket])
                for arm, ticket in trial.requests
            ]
        )
    return Test(trial.decision.accept, trial.fresh)


def _once_each(incumbent: Incumbent, edit: Edit, rng: Random) -> tuple[list[int], int]:
    """Run both once on every ticket; return their differences and the replays."""
    before = incumbent.made
    differences = [int(rng.random() < q) - incumbent.draw(i) for i, q in enumerate(edit.q)]
    return differences, len(edit.q) + incumbent.made - before


def keep_if_higher(incumbent: Incumbent, edit: Edit, rng: Random, group: dict[str, Any]) -> Test:
    differences, replays = _once_each(incumbent, edit, rng)
    return Test(sum(differences) > 0, replays)


def gepa(incumbent: Incumbent, edit: Edit, rng: Random, group: dict[str, Any]) -> Test:
    """Keep on a higher sum on a minibatch of 3, then a higher score on all tickets.

    As `StrictImprovementAcceptance` and `reflection_minibatch_size` in the gepa package do. The minibatch uses fresh
    runs of both; the incumbent's score on all tickets is measured once.
    """
    batch = rng.sample(range(len(edit.q)), 3)
    old = sum(rng.random() < incumbent.world.p[i] for i in batch)
    new = sum(rng.random() < edit.q[i] for i in batch)
    if new <= old:
        return Test(False, 6)
    differences, replays = _once_each(incumbent, edit, rng)
    return Test(sum(differences) > 0, replays + 6)


def one_standard_error(incumbent: Incumbent, edit: Edit, rng: Random, group: dict[str, Any]) -> Test:
    """Keep if the paired difference exceeds its standard error."""
    differences, replays = _once_each(incumbent, edit, rng)
    n = len(differences)
    mean = sum(differences) / n
    variance = sum((d - mean) ** 2 for d in differences) / (n - 1)
    return Test(mean > math.sqrt(variance / n) and mean > 0, replays)


def mcnemar(level: float) -> Rule:
    """Return the exact one-sided McNemar test on one paired pass, read at its end."""

    def rule(incumbent: Incumbent, edit: Edit, rng: Random, group: dict[str, Any]) -> Test:
        differences, replays = _once_each(incumbent, edit, rng)
        won, lost = differences.count(1), differences.count(-1)
        tail = sum(math.comb(won + lost, x) for x in range(won, won + lost + 1)) / 2 ** (won + lost)
        return Test(won + lost > 0 and tail <= level, replays)

    return rule


def wilcoxon_racing(incumbent: Incumbent, edit: Edit, rng: Random, group: dict[str, Any]) -> Test:
    """Run Optuna's WilcoxonPruner by ticket; keep a survivor with a higher score.

    p_threshold is .1, and its check of the averages is on.
    """
    before, ran = incumbent.made, 0
    baseline = sum(incumbent.draw(i) for i in range(len(edit.q))) / len(edit.q)
    order = rng.sample(range(len(edit.q)), len(edit.q))
    differences: list[int] = []
    score = 0
    for i in order:
        y = int(rng.random() < edit.q[i])
        ran += 1
        score += y
        differences.append(y - incumbent.draw(i))
        if len(differences) >= 2 and wilcoxon_less(differences) < 0.1 and baseline > score / ran:
            return Test(False, ran + incumbent.made - before)
    return Test(sum(differences) > 0, ran + incumbent.made - before)


def wilcoxon_less(differences: list[int]) -> float:
    """Return the one-sided p-value ("less") for differences in {-1, 0, 1}.

    It is what scipy.stats.wilcoxon computes with zero_method "zsplit", as Optuna's pruner calls it: for up to 13
    differences by permuting the signs, which is binomial here because all non-zero ranks are tied, and for more by the
    normal approximation with ties.
    """
    n = len(differences)
    zeros = differences.count(0)
    won, lost = differences.count(1), differences.count(-1)
    if n <= 13:
        return float(sum(math.comb(won + lost, x) for x in range(won + 1)) / 2 ** (won + lost))
    rank_of_zero = (zeros + 1) / 2.0
    rank_of_one = zeros + (won + lost + 1) / 2.0
    plus = won * rank_of_one + zeros * rank_of_zero / 2.0
    variance = n * (n + 1) * (2 * n + 1) / 24.0 - sum(t**3 - t for t in (zeros, won + lost)) / 48.0
    if variance <= 0.0:
        return 1.0
    z = (plus - n * (n + 1) / 4.0) / math.sqrt(variance)
    return 0.5 * math.erfc(-z / math.sqrt(2.0))


RULES: dict[str, Rule] = {
    "our gate": our_gate,
    "keep if higher": keep_if_higher,
    "GEPA's rule": gepa,
    "one standard error": one_standard_error,
    "McNemar .05": mcnemar(0.05),
    "McNemar .10": mcnemar(0.10),
    "Wilcoxon racing": wilcoxon_racing,
}


@dataclass(frozen=True)
class Row:
    """One rule on one effect in one shape of world."""

    shape: str
    effect: str
    rule: str
    candidates: int
    delta: float
    """Mean true effect; smaller than requested if the tickets leave no more room."""
    kept: float
    interval: tuple[float, float]
    """95 % Wilson interval of the share kept."""
    replays: float
    """Mean replays of a test."""
    kept_within: float | None
    """For gains: share kept by tests that took no more replays than the target for the mean."""


def group_of(task: tuple[int, str, str, str, int]) -> list[Test]:
    """Test the candidates of one incumbent, one after the other.

    The seed depends on the task alone, so the number of processes does not matter.
    """
    seed, shape, effect, rule, number = task
    world_rng = Random(f"{seed} {shape} {effect} {number}")
    world = tickets(shape, N, EARLIER_RUNS, world_rng)
    edits = [make(effect, world, world_rng) for _ in range(SHARED_BY)]
    luck = Random(f"{seed} {shape} {effect} {number} {rule}")
    incumbent = Incumbent(world, luck)
    group: dict[str, Any] = {}
    tests = []
    for edit in edits:
        test = RULES[rule](incumbent, edit, luck, group)
        tests.append(replace(test, delta=(sum(edit.q) - sum(world.p)) / N))
    return tests


def wilson(successes: int, n: int) -> tuple[float, float]:
    z = 1.96
    centre = (successes + z * z / 2) / (n + z * z)
    half = z * math.sqrt(successes * (n - successes) / n + z * z / 4) / (n + z * z)
    return max(0.0, centre - half), min(1.0, centre + half)


def rows(seed: int, plan: Iterable[tuple[str, str, str, int]], processes: int) -> list[Row]:
    made = []
    with multiprocessing.Pool(processes) as pool:
        for shape, effect, rule, candidates in plan:
            groups = math.ceil(candidates / SHARED_BY)
            tasks = [(seed, shape, effect, rule, number) for number in range(groups)]
            tests = [test for group in pool.imap(group_of, tasks, chunksize=4) for test in group]
            kept = sum(test.kept for test in tests)
            within = WITHIN[effect] if effect in GAINS else None
            low, high = wilson(kept, len(tests))
            made.append(
                Row(
                    shape=shape,
                    effect=effect,
                    rule=rule,
                    candidates=len(tests),
                    delta=round(sum(test.delta for test in tests) / len(tests), 4),
                    kept=round(kept / len(tests), 4),
                    interval=(round(low, 4), round(high, 4)),
                    replays=round(sum(test.replays for test in tests) / len(tests), 1),
                    kept_within=round(sum(t.kept and t.replays <= within for t in tests) / len(tests), 4)
                    if within is not None
                    else None,
                )
            )
            if sys.stderr.isatty():
                print(f"\r{shape}: {effect}, {rule}".ljust(70), end="", file=sys.stderr, flush=True)
    if sys.stderr.isatty():
        print("\r".ljust(71) + "\r", end="", file=sys.stderr)
    return made


def figures(made: list[Row]) -> list[dict[str, Any]]:
    """Compare what was measured with the targets."""
    found = {row.effect: row for row in made if row.shape == "bimodal" and row.rule == "our gate"}
    checked = []
    for effect in (*NULLS, *GAINS):
        row = found[effect]
        limit = WITHIN.get(effect)
        kept_well = row.kept <= MOST[effect] if effect in MOST else row.kept >= LEAST[effect]
        checked.append(
            {
                "effect": effect,
                "must_keep": f"<= {MOST[effect]}" if effect in MOST else f">= {LEAST[effect]}",
                "kept": row.kept,
                "within_replays": limit,
                "replays": row.replays,
                "kept_within": row.kept_within,
                "met": kept_well and (limit is None or row.replays <= limit),
            }
        )
    return checked


def run(seed: int, candidates: int, processes: int) -> dict[str, Any]:
    began = time.perf_counter()
    fewer = max(SHARED_BY, candidates // 5)
    plan = [("bimodal", e, rule, candidates) for rule in RULES for e in (*NULLS, *GAINS)]
    plan += [("bimodal", effect, "our gate", fewer) for effect in POOR_THEMES]
    for shape in SHAPES:
        if shape != "bimodal":
            plan += [(shape, effect, rule, fewer) for rule in RULES for effect in (*NULLS, *GAINS)]
    made = rows(seed, plan, processes)
    return {
        "bench": "gate",
        "settings": {
            "tickets": N,
            "shared_by": SHARED_BY,
            "earlier_runs": EARLIER_RUNS,
            "gate": asdict(CONFIG),
            "seed": seed,
            "candidates": candidates,
            "candidates_other_shapes": fewer,
        },
        "figures": figures(made),
        "rows": [asdict(row) for row in made],
        "seconds": round(time.perf_counter() - began, 1),
    }


def table(result: dict[str, Any]) -> str:
    lines = []
    effects = (*NULLS, *GAINS)
    for shape in SHAPES:
        found = [row for row in result["rows"] if row["shape"] == shape]
        lines += ["", f"{shape} (kept % / mean replays; {found[0]['candidates']} candidates each)"]
        lines.append("".ljust(20) + "".join(effect.rjust(15) for effect in effects))
        true = [next(r["delta"] for r in found if r["effect"] == effect) for effect in effects]
        lines.append("true effect".ljust(20) + "".join(f"{abs(round(x, 3)):.3f}".rjust(15) for x in true))
        for rule in RULES:
            cells = []
            for effect in effects:
                row = next(r for r in found if r["rule"] == rule and r["effect"] == effect)
                cells.append(f"{100 * row['kept']:.1f} / {row['replays']:.0f}".rjust(15))
            lines.append(rule.ljust(20) + "".join(cells))
    lines += ["", "wrong themes (bimodal, our gate)"]
    for row in result["rows"]:
        if row["effect"] in POOR_THEMES:
            lines.append(f"{row['effect'].ljust(20)} kept {100 * row['kept']:.1f} % / {row['replays']:.0f}")
    lines += ["", "targets"]
    for figure in result["figures"]:
        within = f", mean replays {figure['replays']:.0f}"
        if figure["within_replays"] is not None:
            within += f" (<= {figure['within_replays']})"
        met = "met" if figure["met"] else "NOT MET"
        lines.append(f"{figure['effect'].ljust(14)} kept {figure['kept']:.3f} ({figure['must_keep']}){within}: {met}")
    lines.append(f"seed {result['settings']['seed']}, {result['seconds']} s")
    return "\n".join(lines[1:])


def parse_options(prog: str, description: str, candidates: int) -> argparse.Namespace:
    """Parse a gate bench's options; `candidates` is the default for each rule and effect."""
    parser = argparse.ArgumentParser(prog=prog, description=description)
    parser.add_argument("--json", action="store_true", help="one JSON document instead of a table")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--candidates", type=int, default=candidates, help=f"for each rule and effect (default {candidates})"
    )
    parser.add_argument("--processes", type=int, default=2)
    options = parser.parse_args()
    if options.candidates < 1 or options.processes < 1:
        parser.error("--candidates and --processes must be at least 1")
    return options


def main() -> None:
    options = parse_options("python -m bench.gate", (__doc__ or "").splitlines()[0], 1000)
    result = run(options.seed, options.candidates, options.processes)
    print(json.dumps(result) if options.json else table(result))


if __name__ == "__main__":
    main()
