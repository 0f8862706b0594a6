"""Mining into runs.db: each change is written down as soon as it was tried, so that a second start goes on."""

from __future__ import annotations

from collections.abc import Collection, Generator
from pathlib import Path

from meta.context import Context
from meta.tickets.admit_all import make_room
from meta.tickets.mine import MinedTicket, Workshop, mine


def mine_into(
    context: Context, path: Path, since: str | None, limit: int, skip: Collection[str] = ()
) -> Generator[MinedTicket]:
    """Tickets from the history of the clone at `path`, newest change first, admitted or quarantined.

    Changes that became a ticket in an earlier run are not tried again, nor those whose fix commits are in `skip`.
    """
    make_room(context)
    cache = context.settings.cache
    scratch = cache / "scratch"
    scratch.mkdir(parents=True, exist_ok=True)
    workshop = Workshop(context.sandbox, cache, scratch)
    known = {t.fix_commit for t in context.store.tickets() if t.fix_commit} | set(skip)
    jobs = context.settings.replay.parallel
    for mined in mine(path.resolve(), workshop, since=since, limit=limit, jobs=jobs, skip=known, progress=context.tell):
        if mined.ticket and mined.admission:
            context.store.add_ticket(mined.ticket)
            context.store.admit(mined.ticket, mined.admission)
        yield mined
