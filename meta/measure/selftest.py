"""Measures the gate's false-accept rate with edits that change nothing (A/A).

The worker is simulated, so this takes seconds instead of days. Store, pool and gate are the ones that decide at night.
"""

from __future__ import annotations

import random
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from meta.gate.gate_record import GateConfig
from meta.gate.presets import preset_of_budget
from meta.interval import wilson_interval_of
from meta.project import ignore_report
from meta.records.candidate import Edit
from meta.records.ticket import Admission, Grader, Ticket
from meta.replay.replayer import Replayer, ReplayRequest
from meta.replay.run import FinishedReplay, ReplayJob
from meta.replay.simulated import SimulatedExecutor
from meta.settings import ReplaySettings, TuneSettings
from meta.store.store import Store
from meta.tune.budget import ReplayBudget
from meta.tune.gate_runner import GateRunner
from meta.tune.levels import AlphaLevels
from worker_agent.surface import AgentConfig, Surface

CANDIDATES_PER_POOL = 4
"""Candidates that share the incumbent's draws before it is promoted again: about a night's worth."""

SELFTEST_THEME = "theme"

HIDDEN_SHARES = (0.3, 0.6, 1.0)
"""Shares of their failures that no-op edits hide as void replays, to see whether that helps them."""


@dataclass(frozen=True)
class HiddenFailures:
    """How many no-op edits were kept that hide a share of their failures, with a 95 % interval."""

    share: float
    nulls: int
    kept: int
    rate: float
    low: float
    high: float


@dataclass(frozen=True)
class SelftestResult:
    """How many no-op edits were kept, with a 95 % interval, and what the test took."""

    nulls: int
    kept: int
    rate: float
    low: float
    high: float
    alpha: float
    """What the gate promises."""
    replays_per_null: float
    power: dict[str, float] | None
    """Share of edits that were kept, by their true effect; unknown with a real worker."""
    replays_per_candidate: dict[str, float] | None
    replays: int | None
    """Replays of a real worker in total."""
    void: int | None
    """How many of them were void."""
    tickets: int
    worker: str
    seconds: float
    hidden: tuple[HiddenFailures, ...] | None = None
    """The same for edits that hide failures; unknown with a real worker."""

    def to_json(self) -> dict[str, Any]:
        """Return what `meta selftest --json` prints, without fields that do not apply."""
        return {name: value for name, value in asdict(self).items() if value is not None}


@dataclass(frozen=True)
class SelftestArm:
    """The results of many candidates with the same true effect."""

    effect: float
    candidates: int
    kept: int
    replays: int

    @property
    def rate(self) -> float:
        return self.kept / self.candidates

    @property
    def replays_each(self) -> float:
        return self.replays / self.candidates


def run_selftest(
    nulls: int = 200,
    powers: int = 60,
    tickets: int = 50,
    seed: int = 1,
    budget: int = 400,
    hide: Sequence[float] = HIDDEN_SHARES,
) -> SelftestResult:
    """Test null edits, and edits worth 5, 10 and 20 points, on a `budget` of replays.

    For each share in `hide`, null edits are tested again that hide this share of their failures as void replays.
    """
    begun = time.monotonic()
    config = replace(preset_of_budget(budget).gate, budget=budget, parallel=ReplaySettings().parallel * 2)
    null = _arm(0.0, nulls, tickets, seed, config)
    helpful = [_arm(effect, powers, tickets, seed + place, config) for place, effect in enumerate((0.05, 0.1, 0.2), 1)]
    hidden = tuple(
        HiddenFailures(share, arm.candidates, arm.kept, arm.rate, *wilson_interval_of(arm.rate, arm.candidates))
        for share in hide
        for arm in [_arm(0.0, nulls, tickets, seed, config, share)]
    )
    low, high = wilson_interval_of(null.rate, null.candidates)
    return SelftestResult(
        nulls=null.candidates,
        kept=null.kept,
        rate=null.rate,
        low=low,
        high=high,
        alpha=config.alpha,
        replays_per_null=null.replays_each,
        power={f"+{arm.effect:.2f}": arm.rate for arm in helpful},
        replays_per_candidate={f"+{arm.effect:.2f}": arm.replays_each for arm in helpful},
        replays=None,
        void=None,
        tickets=tickets,
        worker="simulated",
        seconds=round(time.monotonic() - begun, 1),
        hidden=hidden,
    )


def _arm(effect: float, number: int, tickets: int, seed: int, config: GateConfig, hide: float = 0.0) -> SelftestArm:
    """Test `number` candidates with one true effect, in worlds of a few each."""
    kept = replays = 0
    for start in range(0, number, CANDIDATES_PER_POOL):
        group = min(CANDIDATES_PER_POOL, number - start)
        world = SelftestWorld(effect, tickets, f"{seed}-{effect}-{start}", hide)
        with tempfile.TemporaryDirectory(prefix="selftest-") as folder:
            won, made = _test_group(world, group, config, Path(folder))
        kept, replays = kept + won, replays + made
    return SelftestArm(effect, number, kept, replays)


class HidingExecutor:
    """Hides a share of the candidates' failures, as if the model service had not answered."""

    def __init__(self, inner: SimulatedExecutor, share: float, seed: int) -> None:
        self._inner, self._share, self._random, self.parallel = inner, share, random.Random(seed), inner.parallel

    def run(self, jobs: Iterable[ReplayJob]) -> Iterator[tuple[ReplayJob, FinishedReplay]]:
        """Yield `(job, finished)`, one for each job."""
        ended = {"verdict": "void", "ended": "model_unavailable", "reason": "hidden"}
        for job, finished in self._inner.run(jobs):
            failed = job.candidate is not None and finished.replay.has_failed
            if failed and self._random.random() < self._share:
                finished = FinishedReplay(finished.replay.model_copy(update=ended), ())
            yield job, finished


class SelftestWorld:
    """Tickets of known success, and candidates that lift them by `effect` on average.

    The candidates hide the share `hide` of their failures as void replays.
    """

    def __init__(self, effect: float, tickets: int, seed: str, hide: float = 0.0) -> None:
        draw = random.Random(seed)
        self._truth = {f"t-{number}": draw.betavariate(0.35, 0.45) for number in range(tickets)}
        self._lifted = _lift_some(self._truth, effect, draw)
        named = set(self._lifted) if effect else {name for name in self._truth if draw.random() < 0.2}
        self.executor = HidingExecutor(
            SimulatedExecutor(self.success, draw.getrandbits(32)), hide, draw.getrandbits(32)
        )
        self.tickets = [
            Ticket(
                id=name,
                title=name,
                repo="-",
                base_commit="-",
                grader=Grader(),
                labels=(SELFTEST_THEME,) if name in named else (),
            )
            for name in self._truth
        ]

    def success(self, version: str, ticket: str) -> float:
        """Return the true chance that a replay passes."""
        return self._truth[ticket] if version == "incumbent" else self._lifted.get(ticket, self._truth[ticket])


def _test_group(world: SelftestWorld, number: int, config: GateConfig, folder: Path) -> tuple[int, int]:
    """Test `number` candidates in turn; return how many were kept, and the replays."""
    store = Store(folder / "runs.db")
    store.skip_disk_sync()
    for ticket in world.tickets:
        store.tickets.add(ticket)
        store.tickets.record_admission(ticket, Admission(ticket=ticket.id, status="admitted"))
    incumbent = _surface("incumbent")
    _replay_before_promotion(store, world.executor, world.tickets, incumbent)
    store.incumbents.promote(incumbent.version, "simulated")
    levels, kept, replays = AlphaLevels(store.gate_tests, TuneSettings()), 0, 0
    for place in range(number):
        night = store.nights.resume_or_open_tuning(config.budget)
        budget = ReplayBudget(store.replays, night.id, config.budget)
        runner = GateRunner(store, Replayer(store, world.executor, night), config, levels, budget, ignore_report)
        candidate = store.candidates.add(
            night.id, incumbent.version, Edit(title=f"edit {place}", themes=(SELFTEST_THEME,))
        )
        surface = _surface(f"candidate-{place}")
        candidate = store.candidates.move(candidate, "proposed", version=surface.version)
        done, _ = runner.run(candidate, surface, incumbent, world.tickets, config.budget)
        store.nights.end_tuning(night.id, {})
        kept, replays = kept + (done.status == "kept"), replays + store.replays.count_of_night(night.id).made
    store.close()
    return kept, replays


def _lift_some(truth: dict[str, float], effect: float, draw: random.Random) -> dict[str, float]:
    """Return the new success of tickets that an edit lifts.

    Each is lifted by three quarters of what it lacks, until the mean gain over all tickets reaches `effect`.
    """
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


def _replay_before_promotion(
    store: Store, executor: HidingExecutor, tickets: Sequence[Ticket], incumbent: Surface
) -> None:
    """Run each ticket three times before the promotion, for prior beliefs only."""
    store.incumbents.promote(incumbent.version, "earlier")
    requests = [ReplayRequest(ticket, incumbent) for ticket in tickets for _ in range(3)]
    Replayer(store, executor).run(requests, "measure")


def _surface(version: str) -> Surface:
    return Surface(root=Path("-"), config=AgentConfig(), prompts={}, version=version)
