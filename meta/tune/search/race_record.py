"""What runs.db knows of a candidate's race, whenever it was run."""

from __future__ import annotations

from collections.abc import Iterable

from meta.records.candidate import Candidate
from meta.records.replay import Replay
from meta.store.store import Store
from meta.tune.search.worth import RaceScore, score_race


def race_score(store: Store, candidate: Candidate) -> RaceScore | None:
    """How a candidate did on search tickets against the version that was in use then; `None` before its race."""
    replays = store.replays("candidate = ? and purpose = 'screen' and verdict != 'void'", candidate.id)
    row = store.one(
        "select i.version from replays r join incumbents i on i.id = r.promotion"
        " where r.candidate = ? and r.purpose = 'screen' limit 1",
        candidate.id,
    )
    return (
        score_race(replays, find_baseline_replays(store, str(row["version"]), (r.ticket for r in replays)))
        if replays and row
        else None
    )


def find_baseline_replays(store: Store, version: str, tickets: Iterable[str]) -> list[Replay]:
    """A version's own replays of these tickets outside the gate."""
    names = sorted(set(tickets))
    return store.replays(
        f"version = ? and ticket in ({', '.join('?' * len(names))}) and purpose in ('incumbent', 'measure')"
        " and candidate is null and verdict != 'void'",
        version,
        *names,
    )
