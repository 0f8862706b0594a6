"""DOCSTRING meta.tune.baseline."""

from __future__ import annotations

from collections.abc import Sequence

from meta.app import Context
from meta.records.candidate import Candidate
from meta.records.replay import Replay
from meta.records.ticket import Ticket
from meta.replay.replayer import ReplayRequest
from meta.surfaces.versions import Version
from meta.tune.budget import count_remaining_replays


def fill_in_missing_replays(
    context: Context, candidate: Candidate, version: Version, incumbent: Version, tickets: Sequence[Ticket]
) -> None:
    """Run what the gate skipped as sure, once, so that the reviewer sees every ticket before and after."""
    replays, wanted = context.store.replays, []
    tested = replays.tickets_tested(candidate.id)
    for ticket in tickets:
        if ticket.id not in tested:
            wanted.append(ReplayRequest(ticket, version.surface, candidate.id))
        if not replays.pool_draws(ticket.id, incumbent.id):
            wanted.append(ReplayRequest(ticket, incumbent.surface))
    room = count_remaining_replays(context, context.settings.tune.replays)
    context.replayer.run(wanted[:room], "measure")


def replay_baseline(context: Context, incumbent: Version, search: Sequence[Ticket]) -> list[Replay]:
    """What the incumbent does on search tickets; replays of this version that are already there are not made again."""
    replays, names = context.store.replays, [ticket.id for ticket in search]
    known = {replay.ticket for replay in replays.baseline(incumbent.id, names)}
    missing = [ticket for ticket in search if ticket.id not in known]
    if missing:
        context.tell(f"replaying the agent in use on {len(missing)} search tickets")
        context.replayer.run([ReplayRequest(t, incumbent.surface) for t in missing], "incumbent")
    return replays.baseline(incumbent.id, names)
