"""A/A: edits that change nothing, put through the real store, pool and gate. How many are kept is the error rate.

The worker is simulated (seconds instead of days); everything that decides is what decides at night.
"""

from __future__ import annotations

import random
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from meta.context import Context
from meta.interval import wilson
from meta.records import Admission, Edit, Grader, Ticket
from meta.settings import Settings
from meta.store import tuning as records
from meta.tune.gate import GateConfig, preset
from meta.tune.judge import judge
from meta.tune.simulated import SimulatedExecutor
from worker_agent.surface import AgentConfig, Surface

SHARED_BY = 4
"""Candidates that share the incumbent's draws before it is promoted anew: a night's worth."""

THEME = "theme"


@dataclass(frozen=True)
class Arm:
    """What came of many candidates of one true effect."""

    effect: float
    candidates: int
    kept: int
    replays: int

    @property
    def rate(self) -> float:
        return self.kept / self.candidates

    @property
    def interval(self) -> tuple[float, float]:
        return wilson(self.rate, self.candidates)


def selftest(nulls: int = 200, powers: int = 60, tickets: int = 50, seed: int = 1, budget: int = 400) -> dict[str, Any]:
    """Null edits, and edits that help by 5, 10 and 20 points, through a gate with `budget` replays."""
    begun = time.monotonic()
    config = replace(preset(budget).gate, budget=budget)
    null = _arm(0.0, nulls, tickets, seed, config)
    helped = [_arm(effect, powers, tickets, seed + place, config) for place, effect in enumerate((0.05, 0.1, 0.2), 1)]
    low, high = null.interval
    return {
        "nulls": null.candidates,
        "kept": null.kept,
        "rate": null.rate,
        "low": low,
        "high": high,
        "alpha": config.alpha,
        "replays_per_null": null.replays / null.candidates,
        "power": {f"+{a.effect:.2f}": a.rate for a in helped},
        "replays_per_candidate": {f"+{a.effect:.2f}": a.replays / a.candidates for a in helped},
        "tickets": tickets,
        "worker": "simulated",
        "seconds": round(time.monotonic() - begun, 1),
    }


def text(found: dict[str, Any]) -> str:
    """The same for a person."""
    lines = [
        f"{found['nulls']} edits that change nothing, through the real gate (worker: {found['worker']}):",
        f"  kept        {found['kept']} ({found['rate']:.1%}; 95 % interval {found['low']:.1%} to {found['high']:.1%})",
        f"  promise     the gate promises at most {found['alpha']:.0%}",
        f"  replays     {found['replays_per_null']:.0f} each",
    ]
    if "power" not in found:  # with real replays the truth of an edit that helps is not known
        lines.append(f"  spent       {found['replays']} replays ({found['void']} void) on {found['tickets']} tickets")
        return "\n".join([*lines, f"{found['seconds']} s"])
    lines.append(f"edits that help, on {found['tickets']} held-out tickets:")
    for effect, rate in found["power"].items():
        replays = found["replays_per_candidate"][effect]
        lines.append(f"  {float(effect):+.0%}        kept in {rate:.0%}, {replays:.0f} replays each")
    return "\n".join([*lines, f"{found['seconds']} s"])


def _arm(effect: float, number: int, tickets: int, seed: int, config: GateConfig) -> Arm:
    """Judge `number` candidates of one true effect, each group of `SHARED_BY` in a world of its own."""
    kept = replays = 0
    for start in range(0, number, SHARED_BY):
        group = min(SHARED_BY, number - start)
        with tempfile.TemporaryDirectory(prefix="selftest-") as folder:
            won, made = _group(effect, group, tickets, f"{seed}-{effect}-{start}", config, Path(folder))
        kept, replays = kept + won, replays + made
    return Arm(effect, number, kept, replays)


def _group(effect: float, number: int, tickets: int, seed: str, config: GateConfig, folder: Path) -> tuple[int, int]:
    draw = random.Random(seed)
    truth = {f"t-{i}": draw.betavariate(0.35, 0.45) for i in range(tickets)}
    lifted = _lifted(truth, effect, draw)
    named = set(lifted) if effect else {name for name in truth if draw.random() < 0.2}

    def world(version: str, ticket: str) -> float:
        return truth[ticket] if version == "incumbent" else lifted.get(ticket, truth[ticket])

    executor = SimulatedExecutor(world, draw.getrandbits(32))
    context = Context(Settings(root=folder), _executor=executor)
    store = context.store
    store.db.execute("pragma synchronous = off")  # thrown away in a moment
    known = []
    for name in truth:
        ticket = Ticket(
            id=name, title=name, repo="-", base_commit="-", grader=Grader(), labels=(THEME,) if name in named else ()
        )
        store.add_ticket(ticket)
        store.admit(ticket, Admission(ticket=name, status="admitted"))
        known.append(ticket)
    incumbent = _surface("incumbent")
    _earlier_runs(context, known, incumbent)
    store.promote(incumbent.version, "simulated")
    kept = 0
    for place in range(number):
        context.night, _ = records.open_night(store, config.budget)
        edit = Edit(title=f"edit {place}", themes=(THEME,))
        candidate = records.add_candidate(store, context.night, incumbent.version, edit)
        candidate = records.move(store, candidate, "proposed", version=f"candidate-{place}")
        done, _ = judge(context, candidate, _surface(f"candidate-{place}"), incumbent, known, config, config.budget)
        records.end_night(store, context.night, {})
        kept += done.status == "kept"
    made = store.rows("select count(*) as n from replays where purpose = 'gate'")[0]["n"]
    store.close()
    return kept, int(made)


def _lifted(truth: dict[str, float], effect: float, draw: random.Random) -> dict[str, float]:
    """Success after an edit that lifts tickets by three quarters of what they lack, until the mean gain is there."""
    lifted: dict[str, float] = {}
    gained = 0.0
    for name in draw.sample(sorted(truth), len(truth)):
        missing = effect * len(truth) - gained
        if missing <= 0:
            break
        gain = min(0.75 * (1 - truth[name]), missing)
        if gain > 0.02:
            lifted[name] = truth[name] + gain
            gained += gain
    return lifted


def _earlier_runs(context: Context, tickets: list[Ticket], incumbent: Surface) -> None:
    """Three runs of each ticket from before the promotion: beliefs, not evidence."""
    from meta.tune.replays import Wanted, make

    context.store.promote(incumbent.version, "earlier")
    make(context, [Wanted(t, incumbent) for t in tickets for _ in range(3)], "measure")


def _surface(version: str) -> Surface:
    return Surface(root=Path("-"), config=AgentConfig(), prompts={}, version=version)
