"""Measures what thirty nights of the engine gain, and what they wrongly keep.

    python -m bench.nights                   a table to read
    python -m bench.nights --json            one JSON document, with settings, intervals and targets
    python -m bench.nights --seed 7 --sequences 40 --rules "our gate"
    python -m bench.nights --growth --json   what a replay costs the engine as its record grows to 100,000

In our rows, loop, store, screen, pool, held-out tickets and gate are real; only the worker's verdicts are drawn at
random (`bench.engine`). The rivals see the same worlds, edits and budget, and decide by their own rule
(`bench.rivals`). What was kept is judged by its true effect on a thousand tickets that nobody has seen: it is false if
that is not above zero, harmful if it is below zero.
"""

from __future__ import annotations

import argparse
import json
import math
import multiprocessing
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from bench import growth
from bench.engine import Engine
from bench.gate import wilson
from bench.growing import KINDS, TO_COME, World
from bench.rivals import Rival

TICKETS, NIGHTS, BUDGET, EDITS = 50, 30, 200, 5
RULES = (
    "our gate",
    "our gate, strict",
    "keep if higher",
    "GEPA's rule",
    "one standard error",
    "McNemar .05",
    "McNemar .10",
    "Wilcoxon racing",
)
LEAST_GAIN, MOST_FALSE, MOST_HARM = 0.27, 0.12, 0.15


@dataclass(frozen=True)
class Course:
    """How one sequence of nights went."""

    gain: float
    """Increase in one-shot success on future tickets, from the beginning to the end."""
    effects: tuple[float, ...]
    """True effect of each kept edit, or of edits kept together, on the version before it."""
    replays: int
    edits: int = 0
    """Edits kept, alone or together with others."""
    useless: int = 0
    """Kept edits that help nowhere by themselves: kept alone by mistake, or carried along by others."""

    @property
    def false(self) -> int:
        return sum(effect <= 0.0 for effect in self.effects)

    @property
    def harmful(self) -> int:
        return sum(effect < 0.0 for effect in self.effects)


def course(task: tuple[int, str, int]) -> Course:
    """Run one sequence; the seed decides on the world and the luck."""
    seed, rule, nights = task
    world = World(seed, TICKETS)
    tuner: Engine | Rival
    if rule.startswith("our gate"):
        tuner = Engine(world, seed, BUDGET, "strict" if rule.endswith("strict") else "standard")
    else:
        tuner = Rival(world, rule, seed, BUDGET)
    effects, replays, edits, useless = [], 0, 0, 0
    for _ in range(nights):
        kept, made = tuner.night(world.propose(tuner.incumbent, EDITS))
        effects += [world.gain(each) for each in kept]
        replays += made
        numbers = [number for each in kept for number in each.edits]
        edits += len(numbers)
        useless += sum(world.changes[number].kind in ("does nothing", "breaks things") for number in numbers)
    gain = world.mean(tuner.incumbent, world.to_come) - world.mean((), world.to_come)
    tuner.close()
    return Course(gain, tuple(effects), replays, edits, useless)


@dataclass(frozen=True)
class Row:
    """One rule over all sequences.

    Intervals are 95 %, over sequences; that of the share of false keeps is over keeps.
    """

    rule: str
    sequences: int
    gain: float
    gain_interval: tuple[float, float]
    kept: float
    """Changes kept per sequence, each an edit or several together."""
    edits: float
    """Edits in these."""
    useless: float
    """Edits among these that do nothing or break things by themselves."""
    false: float
    """Share of kept changes that are no better."""
    false_interval: tuple[float, float]
    harm: float
    """Harmful changes kept per sequence."""
    harm_interval: tuple[float, float]
    replays: float
    """Replays per sequence."""
    replays_per_true_gain: float | None


def row(rule: str, courses: Sequence[Course]) -> Row:
    kept, false = sum(len(c.effects) for c in courses), sum(c.false for c in courses)
    replays = sum(c.replays for c in courses)
    n = len(courses)
    return Row(
        rule=rule,
        sequences=n,
        gain=round(sum(c.gain for c in courses) / n, 4),
        gain_interval=around_mean([c.gain for c in courses]),
        kept=round(kept / n, 2),
        edits=round(sum(c.edits for c in courses) / n, 2),
        useless=round(sum(c.useless for c in courses) / n, 2),
        false=round(false / kept, 4) if kept else 0.0,
        false_interval=rounded(wilson(false, kept)) if kept else (0.0, 1.0),
        harm=round(sum(c.harmful for c in courses) / n, 4),
        harm_interval=poisson(sum(c.harmful for c in courses), n),
        replays=round(replays / n, 1),
        replays_per_true_gain=round(replays / (kept - false), 1) if kept > false else None,
    )


def rounded(interval: tuple[float, float]) -> tuple[float, float]:
    return round(interval[0], 4), round(interval[1], 4)


def around_mean(values: Sequence[float]) -> tuple[float, float]:
    """Return the normal interval of a mean."""
    n, mean = len(values), sum(values) / len(values)
    spread = math.sqrt(sum((x - mean) ** 2 for x in values) / (n - 1) / n) if n > 1 else math.inf
    return rounded((mean - 1.96 * spread, mean + 1.96 * spread)) if n > 1 else (-1.0, 1.0)


def poisson(events: int, n: int) -> tuple[float, float]:
    """Return the interval of rare events per sequence.

    This is Byar's approximation of the exact Poisson limits.
    """
    low = events * (1 - 1 / (9 * events) - 1.96 / (3 * math.sqrt(events))) ** 3 if events else 0.0
    more = events + 1
    return rounded((low / n, more * (1 - 1 / (9 * more) + 1.96 / (3 * math.sqrt(more))) ** 3 / n))


def figures(made: Sequence[Row]) -> list[dict[str, Any]]:
    """Compare what was measured with the targets, for the standard tier."""
    ours = next((r for r in made if r.rule == "our gate"), None)
    if ours is None:
        return []
    wanted = [
        ("end gain on future tickets", ours.gain, f">= {LEAST_GAIN}", ours.gain >= LEAST_GAIN),
        ("share of false keeps", ours.false, f"<= {MOST_FALSE}", ours.false <= MOST_FALSE),
        ("harmful changes kept per sequence", ours.harm, f"<= {MOST_HARM}", ours.harm <= MOST_HARM),
    ]
    return [{"figure": name, "measured": value, "must_be": bound, "met": met} for name, value, bound, met in wanted]


def run(seed: int, sequences: int, rules: Sequence[str], processes: int, nights: int = NIGHTS) -> dict[str, Any]:
    began = time.perf_counter()
    made = []
    with multiprocessing.Pool(processes) as pool:
        for rule in rules:
            courses = []
            for done in pool.imap(course, [(seed * 1000 + number, rule, nights) for number in range(sequences)]):
                courses.append(done)
                if sys.stderr.isatty():
                    print(f"\r{rule}: {len(courses)} of {sequences}".ljust(60), end="", file=sys.stderr, flush=True)
            made.append(row(rule, courses))
    if sys.stderr.isatty():
        print("\r".ljust(61) + "\r", end="", file=sys.stderr)
    return {
        "bench": "nights",
        "settings": {
            "tickets": TICKETS,
            "nights": nights,
            "replays_a_night": BUDGET,
            "edits_a_night": EDITS,
            "kinds_of_edits": KINDS,
            "tickets_to_come": TO_COME,
            "seed": seed,
            "sequences": sequences,
        },
        "figures": figures(made),
        "rows": [asdict(each) for each in made],
        "seconds": round(time.perf_counter() - began, 1),
    }


def table(result: dict[str, Any]) -> str:
    of = result["settings"]
    lines = [
        f"{of['nights']} nights, {of['tickets']} tickets, {of['replays_a_night']} replays and {of['edits_a_night']} new"
        f" edits per night; {of['sequences']} sequences (95 % intervals)",
        "rule".ljust(20)
        + "end gain".rjust(22)
        + "false keeps".rjust(20)
        + "harm / sequence".rjust(22)
        + "kept".rjust(7)
        + "edits (useless)".rjust(17)
        + "replays / true gain".rjust(21),
    ]
    for each in result["rows"]:
        gain, false, harm = (
            f"{each[name] * scale:{form}} ({each[f'{name}_interval'][0] * scale:{form}} to "
            f"{each[f'{name}_interval'][1] * scale:{form}})"
            for name, scale, form in (("gain", 1, ".3f"), ("false", 100, ".0f"), ("harm", 1, ".2f"))
        )
        price = each["replays_per_true_gain"]
        edits = f"{each['edits']:.1f} ({each['useless']:.1f})"
        lines.append(
            each["rule"].ljust(20)
            + gain.rjust(22)
            + f"{false} %".rjust(20)
            + harm.rjust(22)
            + f"{each['kept']:.1f}".rjust(7)
            + edits.rjust(17)
            + (f"{price:.0f}" if price else "-").rjust(21)
        )
    for figure in result["figures"]:
        lines.append(
            f"{figure['figure']}: {figure['measured']:.3f} ({figure['must_be']}): "
            f"{'met' if figure['met'] else 'NOT MET'}"
        )
    return "\n".join([*lines, f"seed {of['seed']}, {result['seconds']} s"])


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.nights", description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="one JSON document instead of a table")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--sequences", type=int, default=30, help="sequences for each rule (default 30)")
    parser.add_argument("--nights", type=int, default=NIGHTS, help="nights in a sequence (default 30)")
    parser.add_argument(
        "--rules", nargs="+", default=list(RULES), choices=RULES, metavar="RULE", help="run only these rules"
    )
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--growth", action="store_true", help="measure the engine's cost as its record grows instead")
    options = parser.parse_args()
    if options.growth:
        grown = growth.run(options.seed)
        print(json.dumps(grown) if options.json else growth.table(grown))
        return
    if min(options.sequences, options.processes, options.nights) < 1:
        parser.error("--sequences, --nights and --processes must be at least 1")
    result = run(options.seed, options.sequences, options.rules, options.processes, options.nights)
    print(json.dumps(result) if options.json else table(result))


if __name__ == "__main__":
    main()
