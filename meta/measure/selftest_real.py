"""Tests the agent in use against copies of itself, with real replays.

It runs on the team's own tickets and shows what a simulated worker cannot: void replays, a service that drifts, tickets
whose outcome depends on the time of day. Copies and incumbent are the same version, so every copy that is kept is a
false accept.

The test uses a separate runs.db in the cache, so that no night learns from it. Its cost is in the team's ledger, where
the executor records its model calls.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace

from meta.errors import ExitCode, MetaError
from meta.interval import wilson_interval_of
from meta.measure.selftest import CANDIDATES_PER_POOL, SelftestResult
from meta.project import Project
from meta.records.candidate import Edit
from meta.records.ticket import Admission, Ticket
from meta.replay.executor import Executor
from meta.replay.replayer import Replayer
from meta.settings import TuneSettings
from meta.store.store import Store
from meta.store.tickets import Tickets
from meta.surfaces.versions import Version
from meta.tune.budget import ReplayBudget, preset_of_settings
from meta.tune.gate_runner import MAX_RUNS_READ, GateRunner
from meta.tune.held_out import divide_tickets
from meta.tune.incumbent import model_of_version
from meta.tune.levels import AlphaLevels


def choose_held_out(tickets: Tickets, tune: TuneSettings) -> list[Ticket]:
    """Return the tickets on which a night would test an edit.

    Raises `MetaError` when there are none.
    """
    _, held_out = divide_tickets(tickets)
    if not held_out:
        raise MetaError("there are no admitted tickets to replay", "`meta tickets mine PATH`", ExitCode.NOTHING_TO_DO)
    return held_out[: preset_of_settings(tune).held_out]


def run_real_selftest(
    store: Store,
    executor: Executor,
    project: Project,
    incumbent: Version,
    tickets: Sequence[Ticket],
    nulls: int,
    most: int,
) -> SelftestResult:
    """Test up to `nulls` copies of the agent in use, with at most `most` replays.

    An unfinished test does not count. Raises `MetaError` when the replays do not suffice for a single test.
    """
    begun = time.monotonic()
    with closing(_open_own_record(store, incumbent, tickets, project)) as own:
        night = own.nights.resume_or_open_tuning(most)
        budget = ReplayBudget(own.replays, night.id, most)
        gate = replace(preset_of_settings(project.settings.tune).gate, parallel=project.settings.replay.parallel * 2)
        levels = AlphaLevels(own.gate_tests, TuneSettings())
        runner = GateRunner(own, Replayer(own, executor, night), gate, levels, budget, project.report)
        copies = _test_copies(own, runner, budget, incumbent, tickets, project, nulls)
        done, kept = len(copies), sum(copies)
        made = own.replays.count_of_night(night.id)
        if not done:
            raise MetaError(
                f"{made.made} replays were not enough for one test",
                "allow more with --replays; `meta outlook` estimates what a test takes",
                ExitCode.BUDGET_REACHED,
            )
        low, high = wilson_interval_of(kept / done, done)
        return SelftestResult(
            nulls=done,
            kept=kept,
            rate=kept / done,
            low=low,
            high=high,
            alpha=gate.alpha,
            replays_per_null=own.replays.count_of_ended_tests(night.id) / done,
            power=None,
            replays_per_candidate=None,
            replays=made.made,
            void=made.void,
            tickets=len(tickets),
            worker="real",
            seconds=round(time.monotonic() - begun, 1),
        )


def _test_copies(
    own: Store,
    runner: GateRunner,
    budget: ReplayBudget,
    incumbent: Version,
    tickets: Sequence[Ticket],
    project: Project,
    nulls: int,
) -> list[bool]:
    """Test copy after copy until the budget is used up; return whether each was kept."""
    themes = sorted({label for ticket in tickets for label in ticket.labels}) or [""]
    model = model_of_version(incumbent, project.settings.worker_endpoint().model)
    kept: list[bool] = []
    for place in range(nulls):
        if place % CANDIDATES_PER_POOL == 0:
            own.incumbents.promote(incumbent.id, model)
        edit = Edit(title=f"copy {place + 1}", themes=(themes[place % len(themes)],))
        copy = own.candidates.add(budget.night, incumbent.id, edit)
        copy = own.candidates.move(copy, "proposed", version=incumbent.id, commit=incumbent.commit)
        copy, decision = runner.run(copy, incumbent.surface, incumbent.surface, tickets, budget.remaining)
        if copy.status == "testing":
            break
        project.report(f"{edit.title} ({', '.join(edit.themes)}): {copy.status}: {decision.why}")
        kept.append(decision.accept)
    return kept


def _open_own_record(store: Store, incumbent: Version, tickets: Sequence[Ticket], project: Project) -> Store:
    """Open a fresh runs.db with what the team's knows about the agent in use."""
    root = project.cache.selftest
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir(parents=True)
    own = Store(root / project.database.name)
    for ticket in tickets:
        own.tickets.add(ticket)
        own.tickets.record_admission(ticket, Admission(ticket=ticket.id, status="admitted"))
        for replay in store.replays.newest_shared(incumbent.id, ticket.id, MAX_RUNS_READ):
            own.replays.add(replay.model_copy(update={"purpose": "measure"}))
    return own
