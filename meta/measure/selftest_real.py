"""A/A with real replays: copies of the agent in use against itself, on the team's own tickets.

It sees what a simulated worker cannot have: voids, a service that drifts, tickets whose outcome depends on the hour.
Copies and incumbent are one version, so whatever is kept is kept wrongly.
"""

from __future__ import annotations

import shutil
import time
from typing import Any

from meta.app import App, Context
from meta.errors import MetaError
from meta.interval import wilson_interval_of
from meta.measure.selftest import CANDIDATES_PER_POOL
from meta.project import Project
from meta.records.candidate import Edit
from meta.records.ticket import Admission, Ticket
from meta.surfaces.versions import Version
from meta.tune.budget import count_remaining_replays, preset_of_settings
from meta.tune.held_out import divide_tickets
from meta.tune.incumbent import model_of
from meta.tune.trial import MAX_RUNS_READ, run_trial

SELFTEST_FOLDER = "selftest"
"""Under `.meta`: the record of the newest self-test, a runs.db of its own, so that no night learns from it. What it
cost is in the team's ledger: the executor's model calls are written there."""


def run_real_selftest(context: Context, nulls: int, budget: int) -> dict[str, Any]:
    """Judge up to `nulls` copies of the agent in use, as far as `budget` replays go; an unfinished test counts nowhere.

    Raises `MetaError` when there is no ticket, or when the budget is too small for one test.
    """
    begun = time.monotonic()
    _, held_out = divide_tickets(context.store)
    if not held_out:
        raise MetaError("there is no admitted ticket to replay", "`meta tickets mine PATH`", code=3)
    plan, incumbent = preset_of_settings(context), context.versions.head()
    tickets = held_out[: plan.held_out]
    app = _apart(context, incumbent, tickets)
    night = app.store.nights.resume_or_open_tuning(budget)
    own = Context(app, night)
    themes = sorted({label for ticket in tickets for label in ticket.labels}) or [""]
    done = kept = 0
    try:
        for place in range(nulls):
            if place % CANDIDATES_PER_POOL == 0:
                own.store.incumbents.promote(incumbent.id, model_of(context, incumbent))
            edit = Edit(title=f"copy {place + 1}", themes=(themes[place % len(themes)],))
            copy = own.store.candidates.add(night.id, incumbent.id, edit)
            copy = own.store.candidates.move(copy, "proposed", version=incumbent.id, commit=incumbent.commit)
            surface = incumbent.surface
            copy, decision = run_trial(
                own, copy, surface, surface, tickets, plan.gate, count_remaining_replays(own, budget)
            )
            if copy.status == "testing":
                break
            context.tell(f"{copy.edit.title} ({', '.join(edit.themes)}): {copy.status}: {decision.why}")
            done, kept = done + 1, kept + decision.accept
        return _found(own, done, kept, plan.gate.alpha, len(tickets), time.monotonic() - begun)
    finally:
        app.close()


def _apart(context: Context, incumbent: Version, tickets: list[Ticket]) -> App:
    """The same executor with a record of its own, which begins with what is known of the agent in use."""
    root = context.settings.cache / SELFTEST_FOLDER
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir(parents=True)
    tune = context.settings.tune.model_copy(update={"tier": "standard"})
    settings = context.settings.model_copy(update={"root": root, "tune": tune})
    own = App(Project(settings, context.tell), executor=context.app.executor(context.models))
    for ticket in tickets:
        own.store.tickets.add(ticket)
        own.store.tickets.admit(ticket, Admission(ticket=ticket.id, status="admitted"))
        for replay in context.store.replays.newest_shared(incumbent.id, ticket.id, MAX_RUNS_READ):
            own.store.replays.add(replay.model_copy(update={"purpose": "measure"}))
    return own


def _found(own: Context, done: int, kept: int, alpha: float, tickets: int, seconds: float) -> dict[str, Any]:
    assert own.night is not None
    made, void = own.store.replays.count_of_night(own.night)
    if not done:
        raise MetaError(
            f"{made} replays were not enough for one test",
            "give more with --replays; `meta outlook` tells what a test takes",
            code=4,
        )
    finished = own.store.replays.count_of_ended_tests(own.night)
    low, high = wilson_interval_of(kept / done, done)
    return {
        "nulls": done,
        "kept": kept,
        "rate": kept / done,
        "low": low,
        "high": high,
        "alpha": alpha,
        "replays_per_null": finished / done,
        "replays": made,
        "void": void,
        "tickets": tickets,
        "worker": "real",
        "seconds": round(seconds, 1),
    }
