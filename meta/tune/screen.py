"""A cheap race between candidates on failing search tickets, before the gate. Nothing seen here is evidence.

Round by round, every candidate whose race is open gets one replay, and each replay moves its odds of helping. At `STOP`
it is hopeless and gets no more; at `GO` it needs no more: the gate will look far harder. What these leave over goes to
the others, the most promising first, up to twice the usual number for each. Then the gate takes the most promising
first, and those at or below `ENOUGH` last, if the budget reaches them at all.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from meta.app import Context
from meta.gate.beliefs import LIFT
from meta.gate.presets import Preset
from meta.records.candidate import Candidate, Edit
from meta.records.replay import Replay
from meta.records.ticket import Ticket
from meta.replay.replayer import ReplayRequest
from meta.surfaces.versions import Version
from meta.tune.incumbent import rebase
from meta.tune.search.worth import RaceScore, expected_success_of, score_race
from worker_agent.surface import Surface, list_surface_files


def screen_candidates(
    context: Context,
    incumbent: Version,
    candidates: Sequence[Candidate],
    search: Sequence[Ticket],
    baseline: Sequence[Replay],
    plan: Preset,
) -> list[ScreenResult]:
    """What is worth the gate, most promising first. Candidates in testing go first and are not screened again."""
    testing = [ScreenResult.still_testing(c) for c in candidates if c.status == "testing"]
    entrants = []
    for candidate in candidates:
        if candidate.status == "proposed":
            candidate, version = rebase(context, candidate, incumbent)
            if version:
                entrants.append((candidate, version.surface))
    if entrants:
        context.tell(f"screening {len(entrants)} edits on search tickets")
    good = []
    for result in screen_edits(context, entrants, search, baseline, plan.screen_runs):
        context.tell(f"{'doubtful' if result.hopeless else 'promising'}: {result.candidate.edit.title}: {result.why}")
        good.append(result)
    return testing + good


STOP_LOG_ODDS, GO_LOG_ODDS, PROMISING_LOG_ODDS = -2.0, 1.5, -0.5
"""Log-odds, beginning at 0. The race of a candidate ends at STOP or GO; above ENOUGH it is promising at the end."""

SHARE_LIFTED = 0.6
"""An edit that helps is believed to lift so many of the tickets that it is about."""

MAX_REPLAYS_FACTOR = 2
"""A candidate gets at most so many times the usual number of replays."""


@dataclass(frozen=True)
class ScreenResult:
    """How a candidate did in the race."""

    candidate: Candidate
    found: RaceScore
    worth: float
    odds: float
    size: int
    """Of the whole surface with it: of two that are worth the same, the smaller one goes first."""

    @classmethod
    def still_testing(cls, candidate: Candidate) -> ScreenResult:
        """One whose race was won another night."""
        return cls(candidate, RaceScore(0, 0, 1.0, 0.0), 1.0, 0.0, 0)

    @property
    def hopeless(self) -> bool:
        return self.odds <= PROMISING_LOG_ODDS or self.too_dear or (not self.found.runs and self.worth <= 0.0)

    @property
    def too_dear(self) -> bool:
        return self.found.gain > 0.0 >= self.worth

    @property
    def why(self) -> str:
        dear = ", but a replay costs more than that is worth" if self.too_dear else ""
        return f"{self.found.passes} of {self.found.runs} replays passed on search tickets that had failed{dear}"


@dataclass
class _Entrant:
    candidate: Candidate
    surface: Surface
    tickets: list[Ticket]
    seen: list[Replay]

    def wants(self) -> ReplayRequest:
        """Its next replay: every ticket once before any twice."""
        return ReplayRequest(self.tickets[len(self.seen) % len(self.tickets)], self.surface, self.candidate.id)


def screen_edits(
    context: Context,
    entrants: Sequence[tuple[Candidate, Surface]],
    search: Sequence[Ticket],
    baseline: Sequence[Replay],
    rounds: int,
) -> list[ScreenResult]:
    """Race all candidates, for `rounds` replays each on average; the most promising first.

    A race that was cut short goes on from the replays that were made.
    """
    believed = expected_success_of(baseline)
    race = [_Entrant(c, s, _tickets(c.edit, search, believed), race_replays_of(context, c)) for c, s in entrants]
    pool = rounds * len(race)
    while turn := _turn(race, believed, rounds, pool - sum(len(e.seen) for e in race)):
        for entrant, replay in zip(turn, context.replayer.run([e.wants() for e in turn], "screen"), strict=True):
            entrant.seen.append(replay)
    doubling = context.settings.search.doubling
    results = []
    for entrant in race:
        found = score_race(entrant.seen, baseline)
        size = sum((entrant.surface.root / path).stat().st_size for path in list_surface_files(entrant.surface.root))
        results.append(
            ScreenResult(entrant.candidate, found, found.at(doubling), lift_log_odds_of(entrant.seen, believed), size)
        )
    return sorted(results, key=lambda r: (-r.worth, r.size))


def race_replays_of(context: Context, candidate: Candidate) -> list[Replay]:
    """The replays of a candidate's race so far."""
    return context.store.replays.of_race(candidate.id)


def _turn(race: Sequence[_Entrant], believed: dict[str, float], rounds: int, left: int) -> list[_Entrant]:
    """Whose replay is next: one for each open race; when too few are left, for the most promising."""
    at = {e.candidate.id: lift_log_odds_of(e.seen, believed) for e in race}
    still_open = [
        e
        for e in race
        if e.tickets and len(e.seen) < MAX_REPLAYS_FACTOR * rounds and STOP_LOG_ODDS < at[e.candidate.id] < GO_LOG_ODDS
    ]
    least = min((len(e.seen) for e in still_open), default=0)  # others are ahead if the race was cut short
    behind = [e for e in still_open if len(e.seen) == least]
    return sorted(behind, key=lambda e: -at[e.candidate.id])[: max(0, left)]


def lift_log_odds_of(replays: Sequence[Replay], believed: dict[str, float]) -> float:
    """Log-odds that the candidate lifts tickets, against that it changes nothing: the ratio of the two likelihoods.

    Lifted, a ticket fails `LIFT` less often; a helpful edit lifts `LIFTED` of its tickets, each for good.
    """
    total = 0.0
    for ticket in dict.fromkeys(r.ticket for r in replays):
        verdicts = [r.verdict for r in replays if r.ticket == ticket]
        passes, fails = verdicts.count("passed"), verdicts.count("failed")
        p = believed.get(ticket, 0.5)
        same = p**passes * (1.0 - p) ** fails
        lifted = (p + LIFT * (1.0 - p)) ** passes * ((1.0 - LIFT) * (1.0 - p)) ** fails
        total += math.log((SHARE_LIFTED * lifted + (1.0 - SHARE_LIFTED) * same) / same)
    return total


def _tickets(edit: Edit, search: Sequence[Ticket], believed: dict[str, float]) -> list[Ticket]:
    """Failing search tickets in the order in which they tell most: named ones, then its theme's, then any."""

    def rank(ticket: Ticket) -> tuple[bool, bool, float, str]:
        on_theme = bool(set(ticket.labels) & set(edit.themes))
        return (ticket.id not in edit.flips, not on_theme, believed.get(ticket.id, 0.5), ticket.id)

    failing = [t for t in search if believed.get(t.id, 0.5) < 0.75]
    about = [t for t in failing if t.id in edit.flips or set(t.labels) & set(edit.themes)]
    return sorted(about or failing, key=rank)
