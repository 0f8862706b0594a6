"""DOCSTRING meta.tune.baseline."""

from __future__ import annotations

from collections.abc import Sequence

from meta.app import Context
from meta.records.candidate import Candidate
from meta.records.replay import Replay
from meta.records.ticket import Ticket
from meta.replay.replayer import ReplayRequest
from meta.store.replays import find_pool_draws
from meta.surfaces.versions import Version
from meta.tune.budget import count_remaining_replays


def fill_in_missing_replays(
    context: Context, candidate: Candidate, version: Version, incumbent: Version, tickets: Sequence[Ticket]
) -> None:
    """Run what the gate skipped as sure, once, so that the reviewer sees every ticket before and after."""
    store, wanted = context.store, []
    for ticket in tickets:
        if not store.replays(
            "candidate = ? and ticket = ? and purpose in ('gate', 'measure')", candidate.id, ticket.id
        ):
            wanted.append(ReplayRequest(ticket, version.surface, candidate.id))
        if not find_pool_draws(store, ticket.id, incumbent.id):
            wanted.append(ReplayRequest(ticket, incumbent.surface))
    room = count_remaining_replays(context, context.settings.tune.replays)
    context.replayer.run(wanted[:room], "measure")


def replay_baseline(context: Context, incumbent: Version, search: Sequence[Ticket]) -> list[Replay]:
    """What the incumbent does on search tickets; replays of this version that are already there are not made again."""
    sql = (
        "version = ? and ticket = ? and purpose in ('incumbent', 'measure') and candidate is null and verdict != 'void'"
    )
    missing = [t for t in search if not context.store.replays(sql, incumbent.id, t.id)]
    if missing:
        context.tell(f"replaying the agent in use on {len(missing)} search tickets")
        context.replayer.run([ReplayRequest(t, incumbent.surface) for t in missing], "incumbent")
    return [r for t in search for r in context.store.replays(sql, incumbent.id, t.id)]
