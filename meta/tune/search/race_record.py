"""Reads a candidate's race from runs.db, whenever it was run."""

from __future__ import annotations

from meta.records.candidate import Candidate
from meta.store.replays import Replays
from meta.tune.search.worth import RaceScore, score_race


def recorded_score_of(replays: Replays, candidate: Candidate) -> RaceScore | None:
    """Score a candidate's race against the version in use then; `None` before it."""
    race = replays.of_race(candidate.id)
    opponent = replays.race_opponent(candidate.id)
    if not race or opponent is None:
        return None
    return score_race(race, replays.baseline(opponent, sorted({replay.ticket for replay in race})))
