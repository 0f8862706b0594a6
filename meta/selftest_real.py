"""A/A with real replays: copies of the agent in use against itself, on the team's own tickets.

It sees what a simulated worker cannot have: voids, a service that drifts, tickets whose outcome depends on the hour.
Copies and incumbent are one version, so whatever is kept is kept wrongly.
"""

from __future__ import annotations

import shutil
import time
from typing import Any

from meta.context import Context
from meta.errors import MetaError
from meta.interval import wilson
from meta.records import Admission, Edit, Ticket
from meta.selftest import SHARED_BY
from meta.store import tuning as records
from meta.tune.judge import NEWEST, judge
from meta.tune.loop import chosen_preset, model_of
from meta.tune.replays import left
from meta.tune.split import split
from meta.versions import Version

FOLDER = "selftest"
"""Under `.meta`: the record of the newest self-test, a runs.db of its own, so that no night learns from it. What it
cost is in the team's ledger: the executor's model calls are written there."""


def selftest_real(context: Context, nulls: int, budget: int) -> dict[str, Any]:
    """Judge up to `nulls` copies of the agent in use, as far as `budget` replays go; an unfinished test counts nowhere.

    Raises `MetaError` when there is no ticket, or when the budget is too small for one test.
    """
    begun = time.monotonic()
    _, held_out = split(context.store)
    if not held_out:
        raise MetaError("there is no admitted ticket to replay", "`meta tickets mine PATH`", code=3)
    plan, incumbent = chosen_preset(context), context.versions.head()
    tickets = held_out[: plan.held_out]
    own = _apart(context, incumbent, tickets)
    own.night, _ = records.open_night(own.store, budget)
    themes = sorted({label for ticket in tickets for label in ticket.labels}) or [""]
    done = kept = 0
    try:
        for place in range(nulls):
            if place % SHARED_BY == 0:
                own.store.promote(incumbent.id, model_of(context, incumbent))
            edit = Edit(title=f"copy {place + 1}", themes=(themes[place % len(themes)],))
            copy = records.add_candidate(own.store, own.night, incumbent.id, edit)
            copy = records.move(own.store, copy, "proposed", version=incumbent.id, commit=incumbent.commit)
            surface = incumbent.surface
            copy, decision = judge(own, copy, surface, surface, tickets, plan.gate, left(own, budget))
            if copy.status == "testing":
                break
            context.tell(f"{copy.edit.title} ({', '.join(edit.themes)}): {copy.status}: {decision.why}")
            done, kept = done + 1, kept + decision.accept
        return _found(own, done, kept, plan.gate.alpha, len(tickets), time.monotonic() - begun)
    finally:
        own.close()


def _apart(context: Context, incumbent: Version, tickets: list[Ticket]) -> Context:
    """The same executor with a record of its own, which begins with what is known of the agent in use."""
    root = context.settings.cache / FOLDER
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir(parents=True)
    tune = context.settings.tune.model_copy(update={"tier": "standard"})
    settings = context.settings.model_copy(update={"root": root, "tune": tune})
    own = Context(settings, context.tell, _executor=context.executor)
    for ticket in tickets:
        own.store.add_ticket(ticket)
        own.store.admit(ticket, Admission(ticket=ticket.id, status="admitted"))
        for replay in context.store.replays(
            "ticket = ? and version = ? and candidate is null", ticket.id, incumbent.id
        )[-NEWEST:]:
            own.store.add_replay(replay.model_copy(update={"purpose": "measure"}))
    return own


def _found(own: Context, done: int, kept: int, alpha: float, tickets: int, seconds: float) -> dict[str, Any]:
    row = own.store.one("select count(*) as n, coalesce(sum(verdict = 'void'), 0) as void from replays where night")
    made, void = (int(row["n"]), int(row["void"])) if row else (0, 0)
    if not done:
        raise MetaError(
            f"{made} replays were not enough for one test",
            "give more with --replays; `meta outlook` tells what a test takes", code=4,
        )  # fmt: skip
    finished = own.store.one(
        "select count(*) as n from replays where night and verdict != 'void' and (candidate is null or candidate in"
        " (select id from candidates where status in ('kept', 'refused')))"
    )
    low, high = wilson(kept / done, done)
    return {
        "nulls": done, "kept": kept, "rate": kept / done, "low": low, "high": high, "alpha": alpha,
        "replays_per_null": (finished["n"] if finished else 0) / done, "replays": made, "void": void,
        "tickets": tickets, "worker": "real", "seconds": round(seconds, 1),
    }  # fmt: skip
