"""Races `meta` against GEPA on the same tickets, edits, worker and replay budget.

    pip install -e '.[bench]'
    python -m bench.race_gepa                a table to read
    python -m bench.race_gepa --json         one JSON document
    python -m bench.race_gepa --seed 7 --seeds 10 --budget 600 --edits 15

GEPA is the real `gepa` package. The worker is simulated (`bench.growing`), so the true success of any version on any
ticket is known. Both draw on the same list of edits. `meta` runs its whole engine with five new edits a night, and each
morning a person accepts what it proposes. GEPA runs with its own defaults (strict improvement on a minibatch of 3,
Pareto selection, the best mean on the validation set wins) through its public `GEPAAdapter`. Its reflection picks the
edit that it has tried least, preferably one for a failure in the minibatch, and starts over at the end of the list. The
winners are compared by their true success on a thousand tickets that neither has seen. In the second race (A/A), no
edit does anything: whoever returns a changed version claims a gain that does not exist.
"""

from __future__ import annotations

import argparse
import json
import math
import multiprocessing
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from random import Random
from typing import Any

from bench.engine import Engine
from bench.growing import Change, Kept, Version, World

TICKETS, BUDGET, EDITS, SEEDS = 50, 1000, 25, 20
A_NIGHT, EDITS_A_NIGHT = 200, 5
TRAIN_SHARE = 0.4
"""Share of the tickets that GEPA reflects on; it validates on the others. `meta` splits them in the same proportion."""
RACES = ("a fifth of the edits help", "A/A: no edit does anything")
RACERS = ("meta", "gepa")


@dataclass(frozen=True)
class Finish:
    """How one racer finished."""

    racer: str
    version: Version
    """The edits in its winner, in order."""
    replays: int
    claimed: float | None
    """The improvement that it reports, if it reports one."""


@dataclass(frozen=True)
class Row:
    """One racer over all seeds of a race."""

    race: str
    racer: str
    seeds: int
    changed: int
    """Runs that ended with a changed version, and so claim a gain."""
    claimed: float | None
    """Mean improvement that it reports."""
    gain: float
    """Mean true improvement of its winner on tickets that neither racer has seen."""
    gain_error: float
    """Standard error of that mean."""
    worse: int
    """Runs whose winner is truly worse than the version that they began with."""
    edits: float
    """Mean number of edits in a winner."""
    useless: float
    """Mean number of these without a true gain over the edits before them."""
    replays: float


def world_of(seed: int, edits: int, *, nulls: bool) -> World:
    """Return the tickets and the list of edits that both racers use."""
    world = World(seed, TICKETS)
    world.propose((), edits)
    if nulls:
        world.changes = [Change("does nothing", change.theme) for change in world.changes]
    return world


def run_meta(world: World, seed: int, budget: int, suggestions: int = 0) -> Finish:
    """Run nights with new edits from the list, then without new ones."""
    waiting = list(range(len(world.changes)))
    replays = 0
    engine = Engine(world, seed, min(A_NIGHT, budget), suggestions=suggestions)
    try:
        for _ in range(max(1, budget // A_NIGHT)):
            tonight, waiting = waiting[:EDITS_A_NIGHT], waiting[EDITS_A_NIGHT:]
            replays += engine.night(tonight)[1]
        return Finish("meta", engine.incumbent, replays, None)
    finally:
        engine.close()


class Adapter:
    """A `gepa.GEPAAdapter` for the simulated worker.

    A candidate's only text lists the numbers of its edits; evaluating it draws verdicts.
    """

    def __init__(self, world: World, seed: int) -> None:
        self._world, self._random = world, Random(f"gepa {seed}")
        self._tried: Counter[int] = Counter()
        self.replays = 0

    def evaluate(self, batch: list[str], candidate: dict[str, str], capture_traces: bool = False) -> Any:
        from gepa import EvaluationBatch

        version = version_of(candidate)
        self.replays += len(batch)
        scores = [float(self._random.random() < self._world.success(version, name)) for name in batch]
        return EvaluationBatch(outputs=scores, scores=scores, trajectories=list(zip(batch, scores, strict=True)))

    def make_reflective_dataset(
        self, candidate: dict[str, str], eval_batch: Any, components_to_update: list[str]
    ) -> dict[str, list[dict[str, Any]]]:
        failed = [name for name, score in eval_batch.trajectories if score == 0.0]
        seen = [{"Inputs": name, "Feedback": self._world.theme[name]} for name in failed]
        return dict.fromkeys(components_to_update, seen)

    def propose_new_texts(
        self,
        candidate: dict[str, str],
        reflective_dataset: Mapping[str, Sequence[Mapping[str, Any]]],
        components_to_update: list[str],
    ) -> dict[str, str]:
        version = version_of(candidate)
        failing = {seen["Feedback"] for found in reflective_dataset.values() for seen in found}
        choice = [number for number in range(len(self._world.changes)) if number not in version]
        if not choice:
            return dict(candidate)
        best = min(choice, key=lambda n: (self._tried[n], self._world.changes[n].theme not in failing, n))
        self._tried[best] += 1
        return {"edits": " ".join(map(str, (*version, best)))}


class Silent:
    """A `gepa` logger that says nothing."""

    def log(self, message: str) -> None:
        pass


def run_gepa(world: World, seed: int, budget: int) -> Finish:
    """Run `gepa.optimize` with its defaults."""
    import gepa

    names = Random(f"split {seed}").sample(world.tickets, len(world.tickets))
    cut = round(TRAIN_SHARE * len(names))
    adapter = Adapter(world, seed)
    result = gepa.optimize(
        seed_candidate={"edits": ""},
        trainset=names[:cut],
        valset=names[cut:],
        adapter=adapter,
        max_metric_calls=budget,
        seed=seed,
        logger=Silent(),
    )
    scores = result.val_aggregate_scores
    return Finish("gepa", version_of(result.best_candidate), adapter.replays, scores[result.best_idx] - scores[0])


def version_of(candidate: Mapping[str, str]) -> Version:
    return tuple(int(number) for number in candidate["edits"].split())


def heat(task: tuple[str, str, int, int, int, int]) -> tuple[Finish, float, int]:
    """Run one racer in one world.

    Returns its finish, its true gain on future tickets, and its number of useless edits.
    """
    race, racer, seed, budget, edits, suggestions = task
    world = world_of(seed, edits, nulls=race == RACES[1])
    finish = run_meta(world, seed, budget, suggestions) if racer == "meta" else run_gepa(world, seed, budget)
    version = finish.version
    useless = sum(world.gain(Kept((edit,), version[:place])) <= 0.0 for place, edit in enumerate(version))
    gain = world.mean(version, world.to_come) - world.mean((), world.to_come)
    return finish, gain, useless


def row(race: str, racer: str, heats: Sequence[tuple[Finish, float, int]]) -> Row:
    n = len(heats)
    gains = [gain for _, gain, _ in heats]
    mean = sum(gains) / n
    spread = math.sqrt(sum((gain - mean) ** 2 for gain in gains) / (n - 1)) if n > 1 else 0.0
    claims = [finish.claimed for finish, _, _ in heats if finish.claimed is not None]
    return Row(
        race=race,
        racer=racer,
        seeds=n,
        changed=sum(bool(finish.version) for finish, _, _ in heats),
        claimed=sum(claims) / len(claims) if claims else None,
        gain=mean,
        gain_error=spread / math.sqrt(n),
        worse=sum(gain < 0.0 for gain in gains),
        edits=sum(len(finish.version) for finish, _, _ in heats) / n,
        useless=sum(useless for _, _, useless in heats) / n,
        replays=sum(finish.replays for finish, _, _ in heats) / n,
    )


def run(seed: int, seeds: int, budget: int, edits: int, suggestions: int, processes: int) -> dict[str, Any]:
    from importlib.metadata import version

    began, made = time.monotonic(), []
    with multiprocessing.Pool(processes) as pool:
        for race in RACES:
            for racer in RACERS:
                tasks = [(race, racer, seed * 10_000 + number, budget, edits, suggestions) for number in range(seeds)]
                made.append(row(race, racer, pool.map(heat, tasks, chunksize=1)))
    return {
        "bench": "race_gepa",
        "settings": {
            "seed": seed,
            "seeds": seeds,
            "budget": budget,
            "edits": edits,
            "suggestions": suggestions,
            "tickets": TICKETS,
        },
        "gepa": version("gepa"),
        "worker": "simulated",
        "rows": [asdict(each) for each in made],
        "seconds": round(time.monotonic() - began, 1),
    }


def table(result: dict[str, Any]) -> str:
    heads = ("", "claims a gain", "it reports", "true gain", "worse", "edits", "useless", "replays")
    lines = []
    for race in RACES:
        lines += [race, "".join(head.rjust(15) for head in heads)]
        for each in (r for r in result["rows"] if r["race"] == race):
            reports = "-" if each["claimed"] is None else f"{each['claimed']:+.3f}"
            cells = (
                each["racer"],
                f"{each['changed']} of {each['seeds']}",
                reports,
                f"{each['gain']:+.3f} ± {each['gain_error']:.3f}",
                f"{each['worse']} of {each['seeds']}",
                f"{each['edits']:.1f}",
                f"{each['useless']:.1f}",
                f"{each['replays']:.0f}",
            )
            lines.append("".join(cell.rjust(15) for cell in cells))
        lines.append("")
    return "\n".join([*lines, f"gepa {result['gepa']}, simulated worker, {result['seconds']} s"])


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.race_gepa", description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="one JSON document instead of a table")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--seeds", type=int, default=SEEDS, help=f"worlds in each race (default {SEEDS})")
    parser.add_argument("--budget", type=int, default=BUDGET, help=f"replays for each racer (default {BUDGET})")
    parser.add_argument("--edits", type=int, default=EDITS, help=f"edits on the list (default {EDITS})")
    parser.add_argument(
        "--suggestions", type=int, default=0, help="suggestions of meta's own search at a time (default 0)"
    )
    parser.add_argument("--processes", type=int, default=2)
    options = parser.parse_args()
    if min(options.seeds, options.budget, options.edits, options.processes) < 1:
        parser.error("--seeds, --budget, --edits and --processes must be at least 1")
    try:
        import gepa  # noqa: F401
    except ImportError:
        parser.error("the package gepa is not installed: pip install -e '.[bench]'")
    result = run(options.seed, options.seeds, options.budget, options.edits, options.suggestions, options.processes)
    print(json.dumps(result) if options.json else table(result))


if __name__ == "__main__":
    main()
