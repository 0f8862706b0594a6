"""Races candidates cheaply on failing search tickets, before the gate.

Nothing seen here counts as evidence. In each round, every candidate still in the race gets one replay, and each replay
moves its odds of helping. At `STOP_LOG_ODDS` it leaves the race; at `GO_LOG_ODDS` it needs no more, since
the gate will look far harder. The replays saved go to the others, the most promising first, up to twice the usual
number for each. The gate then tests the most promising first, and those at or below `PROMISING_LOG_ODDS` last, if the
budget reaches them at all.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from meta.gate.beliefs import LIFT
from meta.project import Report
from meta.records.candidate import Candidate, Edit
from meta.records.replay import Replay
from meta.records.ticket import Ticket
from meta.replay.replayer import Replayer, ReplayRequest
from meta.store.candidates import Candidates
from meta.store.replays import Replays
from meta.surfaces.versions import Version
from meta.tune.budget import MIN_TRIAL_REPLAYS
from meta.tune.counted_replays import run_counted
from meta.tune.search.worth import RaceScore, expected_success_of, score_race
from worker_agent.surface import Surface, list_surface_files

STOP_LOG_ODDS, GO_LOG_ODDS, PROMISING_LOG_ODDS = -2.0, 1.5, -0.5
"""Log-odds, starting at 0. A candidate's race ends at STOP or GO; one that ends above PROMISING is promising."""

SHARE_LIFTED = 0.6
"""The share of its tickets that a helpful edit is expected to lift."""

MAX_REPLAYS_FACTOR = 2
"""A candidate gets at most this many times the usual number of replays."""


@dataclass(frozen=True)
class ScreenResult:
    """How a candidate did in the race."""

    candidate: Candidate
    score: RaceScore
    worth: float
    log_odds: float
    """Log-odds that it lifts tickets."""
    size: int
    """Bytes of the whole surface with this edit; of two candidates worth the same, the smaller goes first."""

    @classmethod
    def without_race(cls, candidate: Candidate) -> ScreenResult:
        """Return the result of a candidate that does not race tonight.

        It won its race another night, or it joins edits that had theirs.
        """
        return cls(candidate, RaceScore(0, 0, 1.0, 0.0), 1.0, 0.0, 0)

    @property
    def is_doubtful(self) -> bool:
        return self.log_odds <= PROMISING_LOG_ODDS or self.too_costly or (not self.score.runs and self.worth <= 0.0)

    @property
    def too_costly(self) -> bool:
        return self.score.gain > 0.0 >= self.worth

    def can_begin_test(self, share: int) -> bool:
        """Return whether its test may begin with `share` replays.

        A doubtful candidate needs enough for a whole test.
        """
        return share > 0 and not (self.is_doubtful and share < MIN_TRIAL_REPLAYS)

    @property
    def why(self) -> str:
        dear = ", but a replay costs more than that is worth" if self.too_costly else ""
        return f"{self.score.passes} of {self.score.runs} replays passed on search tickets that had failed{dear}"


def list_open_tests(candidates: Sequence[Candidate]) -> list[ScreenResult]:
    """Return candidates with an open test; they won their race on another night."""
    return [ScreenResult.without_race(candidate) for candidate in candidates if candidate.status == "testing"]


def drop_doubtful(candidates: Candidates, unreached: Sequence[ScreenResult], report: Report) -> None:
    """Drop doubtful edits that the budget does not reach; the others wait."""
    for entrant in unreached:
        if entrant.is_doubtful:
            candidates.move(entrant.candidate, "screened_out", entrant.why)
            report(f"dropped: {entrant.candidate.edit.title}: {entrant.why}")


@dataclass
class _Racer:
    candidate: Candidate
    surface: Surface
    tickets: list[Ticket]
    seen: list[Replay]

    def next_request(self) -> ReplayRequest:
        """Return its next replay; every ticket has a turn before any has a second."""
        return ReplayRequest(self.tickets[len(self.seen) % len(self.tickets)], self.surface, self.candidate.id)

    @property
    def size(self) -> int:
        return sum((self.surface.root / path).stat().st_size for path in list_surface_files(self.surface.root))


class ScreenRace:
    """Races candidates for `rounds` replays each on average.

    `doubling` is how much success a candidate must bring to justify twice the cost.
    """

    def __init__(self, replayer: Replayer, replays: Replays, rounds: int, doubling: float, report: Report) -> None:
        self._replayer, self._replays, self._report = replayer, replays, report
        self._rounds, self._doubling = rounds, doubling

    def run(
        self, candidates: Sequence[tuple[Candidate, Version]], search: Sequence[Ticket], baseline: Sequence[Replay]
    ) -> list[ScreenResult]:
        """Race candidates, each with its version; return the most promising first.

        An interrupted race continues from the replays that were made.
        """
        if candidates:
            self._report(f"screening {len(candidates)} edits on search tickets")
        believed = expected_success_of(baseline)
        race = [
            _Racer(c, version.surface, _tickets(c.edit, search, believed), self._replays.of_race(c.id))
            for c, version in candidates
        ]
        pool = self._rounds * len(race)
        while turn := _turn(race, believed, self._rounds, pool - sum(len(e.seen) for e in race)):
            requests = [racer.next_request() for racer in turn]
            made = run_counted(self._replayer, self._replays, requests, "screen")
            for racer, replay in zip(turn, made, strict=True):
                racer.seen.append(replay)
        results = sorted((self._result(e, baseline, believed) for e in race), key=lambda r: (-r.worth, r.size))
        for result in results:
            word = "doubtful" if result.is_doubtful else "promising"
            self._report(f"{word}: {result.candidate.edit.title}: {result.why}")
        return results

    def _result(self, racer: _Racer, baseline: Sequence[Replay], believed: dict[str, float]) -> ScreenResult:
        score = score_race(racer.seen, baseline)
        log_odds = lift_log_odds_of(racer.seen, believed)
        return ScreenResult(racer.candidate, score, score.at(self._doubling), log_odds, racer.size)


def _turn(race: Sequence[_Racer], believed: dict[str, float], rounds: int, left: int) -> list[_Racer]:
    """Choose who replays next: all still racing, or the best if few replays are left."""
    at = {e.candidate.id: lift_log_odds_of(e.seen, believed) for e in race}
    still_open = [
        e
        for e in race
        if e.tickets and len(e.seen) < MAX_REPLAYS_FACTOR * rounds and STOP_LOG_ODDS < at[e.candidate.id] < GO_LOG_ODDS
    ]
    least = min((len(e.seen) for e in still_open), default=0)  # the others are ahead if the race was interrupted
    behind = [e for e in still_open if len(e.seen) == least]
    return sorted(behind, key=lambda e: -at[e.candidate.id])[: max(0, left)]


def lift_log_odds_of(replays: Sequence[Replay], believed: dict[str, float]) -> float:
    """Return the log-odds that the candidate lifts tickets, not leaves them alone.

    They are the log of the ratio of the two likelihoods. A lifted ticket fails `LIFT` less often; a helpful edit lifts
    `SHARE_LIFTED` of its tickets, each for good.
    """
    total = 0.0
    for ticket in dict.fromkeys(r.ticket for r in replays):
        verdicts = [r.verdict for r in replays if r.ticket == ticket]
        passes = verdicts.count("passed")
        fails = len(verdicts) - passes  # a void one failed: losing replays must not help
        p = believed.get(ticket, 0.5)
        same = p**passes * (1.0 - p) ** fails
        lifted = (p + LIFT * (1.0 - p)) ** passes * ((1.0 - LIFT) * (1.0 - p)) ** fails
        total += math.log((SHARE_LIFTED * lifted + (1.0 - SHARE_LIFTED) * same) / same)
    return total


def _tickets(edit: Edit, search: Sequence[Ticket], believed: dict[str, float]) -> list[Ticket]:
    """Return failing search tickets: those it names, then its theme's, then any."""

    def rank(ticket: Ticket) -> tuple[bool, bool, float, str]:
        on_theme = bool(set(ticket.labels) & set(edit.themes))
        return (ticket.id not in edit.flips, not on_theme, believed.get(ticket.id, 0.5), ticket.id)

    failing = [t for t in search if believed.get(t.id, 0.5) < 0.75]
    about = [t for t in failing if t.id in edit.flips or set(t.labels) & set(edit.themes)]
    return sorted(about or failing, key=rank)
