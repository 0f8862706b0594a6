"""Completes the comparison that a reviewer sees, once a candidate is kept.

The gate asks for no replay whose outcome it is sure of. These replays fill those gaps for both versions; they are for
people to read and change no decision.
"""

from __future__ import annotations

from collections.abc import Sequence

from meta.records.candidate import Candidate
from meta.records.ticket import Ticket
from meta.replay.replayer import Replayer, ReplayRequest
from meta.store.replays import Replays
from meta.surfaces.versions import Version


def fill_gaps(
    replayer: Replayer,
    replays: Replays,
    candidate: Candidate,
    version: Version,
    incumbent: Version,
    tickets: Sequence[Ticket],
    most: int,
) -> None:
    """Run up to `most` replays of either version that the gate skipped.

    With enough of them, the reviewer sees every ticket before and after.
    """
    tested, requests = replays.tickets_tested(candidate.id), []
    for ticket in tickets:
        if ticket.id not in tested:
            requests.append(ReplayRequest(ticket, version.surface, candidate.id))
        if all(draw is None for draw in replays.pool_draws(ticket.id, incumbent.id)):
            requests.append(ReplayRequest(ticket, incumbent.surface))
    replayer.run(requests[:most], "measure")
