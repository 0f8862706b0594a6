"""What runs.db knows of a candidate's race, whenever it was run."""

from __future__ import annotations

from meta.records.candidate import Candidate
from meta.store.store import Store
from meta.tune.search.worth import RaceScore, score_race


def race_score(store: Store, candidate: Candidate) -> RaceScore | None:
    """How a candidate did on search tickets against the version that was in use then; `None` before its race."""
    replays = [replay for replay in store.replays.of_race(candidate.id) if replay.verdict != "void"]
    opponent = store.replays.race_opponent(candidate.id)
    if not replays or opponent is None:
        return None
    return score_race(replays, store.replays.baseline(opponent, sorted({replay.ticket for replay in replays})))
