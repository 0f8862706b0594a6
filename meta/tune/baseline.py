"""Replays the version in use, for candidates to be compared with."""

from __future__ import annotations

from collections.abc import Sequence

from meta.project import Report
from meta.records.replay import Replay
from meta.records.ticket import Ticket
from meta.replay.replayer import Replayer, ReplayRequest
from meta.store.replays import Replays
from meta.surfaces.versions import Version


def replay_baseline(
    replayer: Replayer, replays: Replays, incumbent: Version, search: Sequence[Ticket], report: Report
) -> list[Replay]:
    """Return the incumbent's replays on search tickets, running missing ones."""
    known = {replay.ticket for replay in replays.baseline(incumbent.id, [t.id for t in search])}
    missing = [ticket for ticket in search if ticket.id not in known]
    if missing:
        report(f"replaying the agent in use on {len(missing)} search tickets")
        replayer.run([ReplayRequest(ticket, incumbent.surface) for ticket in missing], "incumbent")
    return replays.baseline(incumbent.id, [t.id for t in search])
