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

from meta.app import App, Context
from meta.gate.gate_record import GateConfig
from meta.gate.presets import preset_of_budget
from meta.interval import wilson_interval_of
from meta.project import Project
from meta.records.candidate import Edit
from meta.records.ticket import Admission, Grader, Ticket
from meta.replay.simulated import SimulatedExecutor
from meta.settings import Settings
from meta.tune.trial import run_trial
from worker_agent.surface import AgentConfig, Surface

CANDIDATES_PER_POOL = 4
"""Candidates that share the incumbent's draws before it is promoted anew: a night's worth."""

SELFTEST_THEME = "theme"


@dataclass(frozen=True)
class SelftestArm:
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
        return wilson_interval_of(self.rate, self.candidates)


def run_selftest(
    nulls: int = 200, powers: int = 60, tickets: int = 50, seed: int = 1, budget: int = 400
) -> dict[str, Any]:
    """Null edits, and edits that help by 5, 10 and 20 points, through a gate with `budget` replays."""
    begun = time.monotonic()
    config = replace(preset_of_budget(budget).gate, budget=budget)
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


def _arm(effect: float, number: int, tickets: int, seed: int, config: GateConfig) -> SelftestArm:
    """Judge `number` candidates of one true effect, each group of `SHARED_BY` in a world of its own."""
    kept = replays = 0
    for start in range(0, number, CANDIDATES_PER_POOL):
        group = min(CANDIDATES_PER_POOL, number - start)
        with tempfile.TemporaryDirectory(prefix="selftest-") as folder:
            won, made = _group(effect, group, tickets, f"{seed}-{effect}-{start}", config, Path(folder))
        kept, replays = kept + won, replays + made
    return SelftestArm(effect, number, kept, replays)


def _group(effect: float, number: int, tickets: int, seed: str, config: GateConfig, folder: Path) -> tuple[int, int]:
    draw = random.Random(seed)
    truth = {f"t-{i}": draw.betavariate(0.35, 0.45) for i in range(tickets)}
    lifted = _lifted(truth, effect, draw)
    named = set(lifted) if effect else {name for name in truth if draw.random() < 0.2}

    def world(version: str, ticket: str) -> float:
        return truth[ticket] if version == "incumbent" else lifted.get(ticket, truth[ticket])

    executor = SimulatedExecutor(world, draw.getrandbits(32))
    app = App(Project(Settings(root=folder)), executor=executor)
    store = app.store
    store.skip_disk_sync()
    known = []
    for name in truth:
        ticket = Ticket(
            id=name,
            title=name,
            repo="-",
            base_commit="-",
            grader=Grader(),
            labels=(SELFTEST_THEME,) if name in named else (),
        )
        store.tickets.add(ticket)
        store.tickets.admit(ticket, Admission(ticket=name, status="admitted"))
        known.append(ticket)
    incumbent = _surface("incumbent")
    _earlier_runs(app.context, known, incumbent)
    store.incumbents.promote(incumbent.version, "simulated")
    kept = 0
    for place in range(number):
        night = store.nights.resume_or_open_tuning(config.budget)
        context = Context(app, night)
        edit = Edit(title=f"edit {place}", themes=(SELFTEST_THEME,))
        candidate = store.candidates.add(night.id, incumbent.version, edit)
        candidate = store.candidates.move(candidate, "proposed", version=f"candidate-{place}")
        done, _ = run_trial(context, candidate, _surface(f"candidate-{place}"), incumbent, known, config, config.budget)
        store.nights.end_tuning(night.id, {})
        kept += done.status == "kept"
    made = store.replays.count_for("gate")
    app.close()
    return kept, made


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
    from meta.replay.replayer import ReplayRequest

    context.store.incumbents.promote(incumbent.version, "earlier")
    context.replayer.run([ReplayRequest(t, incumbent) for t in tickets for _ in range(3)], "measure")


def _surface(version: str) -> Surface:
    return Surface(root=Path("-"), config=AgentConfig(), prompts={}, version=version)
