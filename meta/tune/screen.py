"""A cheap look at each candidate on failing search tickets, before the gate. Nothing seen here is evidence.

Replays go one round at a time to the candidates that still look promising; one that has flipped nothing after half of
its rounds is dropped. What is left goes to the gate, the most promising first.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from meta.context import Context
from meta.records import Candidate, Replay, Ticket
from meta.tune.gate.beliefs import PRIOR
from meta.tune.replays import Wanted, make
from worker_agent.surface import Surface

DOUBT = 2.0
"""So many replays without gain are imagined beside those made: one lucky replay is not the best news of the night."""


@dataclass(frozen=True)
class Screened:
    """How a candidate did: `gain` is passes beyond what the incumbent's record lets one expect, shrunk by `DOUBT`."""

    candidate: Candidate
    passes: int
    runs: int
    gain: float

    @property
    def hopeless(self) -> bool:
        return self.gain <= 0.0

    @property
    def why(self) -> str:
        return f"{self.passes} of {self.runs} replays passed on search tickets that had failed"


def screen(
    context: Context,
    entrants: Sequence[tuple[Candidate, Surface]],
    search: Sequence[Ticket],
    baseline: Sequence[Replay],
    rounds: int,
) -> list[Screened]:
    """Screen all candidates, most promising first. Replays of an earlier, interrupted screen are taken up again."""
    expected = _expected(baseline)
    seen: dict[int, list[Replay]] = defaultdict(list)
    for candidate, _ in entrants:
        seen[candidate.id] = context.store.replays("candidate = ? and purpose = 'screen'", candidate.id)
    alive = list(entrants)
    for turn in range(rounds):
        wanted = []
        for candidate, surface in alive:
            tickets = _tickets(candidate, search, expected)
            if turn < len(tickets) and len(seen[candidate.id]) <= turn:
                wanted.append(Wanted(tickets[turn], surface, candidate.id))
        for request, replay in zip(wanted, make(context, wanted, "screen"), strict=True):
            seen[request.candidate or 0].append(replay)
        if turn + 1 >= rounds / 2:
            alive = [(c, s) for c, s in alive if any(r.verdict == "passed" for r in seen[c.id])]
    results = [_result(candidate, seen[candidate.id], expected) for candidate, _ in entrants]
    return sorted(results, key=lambda r: r.gain, reverse=True)


def _expected(baseline: Sequence[Replay]) -> dict[str, float]:
    """Each ticket's believed success with the incumbent; shrunk to the prior, since failing ones were picked for it."""
    a, b = dict[str, float](), dict[str, float]()
    for replay in baseline:
        if replay.verdict != "void":
            a[replay.ticket] = a.get(replay.ticket, PRIOR[0]) + (replay.verdict == "passed")
            b[replay.ticket] = b.get(replay.ticket, PRIOR[1]) + (replay.verdict == "failed")
    return {ticket: a[ticket] / (a[ticket] + b[ticket]) for ticket in a}


def _tickets(candidate: Candidate, search: Sequence[Ticket], expected: dict[str, float]) -> list[Ticket]:
    """Failing search tickets in the order in which they tell most: named ones, then its theme's, then any."""
    edit = candidate.edit

    def rank(ticket: Ticket) -> tuple[bool, bool, float, str]:
        on_theme = bool(set(ticket.labels) & set(edit.themes))
        return (ticket.id not in edit.flips, not on_theme, expected.get(ticket.id, 0.5), ticket.id)

    failing = [t for t in search if expected.get(t.id, 0.5) < 0.75]
    about = [t for t in failing if t.id in edit.flips or set(t.labels) & set(edit.themes)]
    return sorted(about or failing, key=rank)


def _result(candidate: Candidate, replays: Sequence[Replay], expected: dict[str, float]) -> Screened:
    counted = [r for r in replays if r.verdict != "void"]
    passes = sum(r.verdict == "passed" for r in counted)
    if not counted:
        return Screened(candidate, 0, 0, 0.0)
    beyond = sum((r.verdict == "passed") - expected.get(r.ticket, 0.5) for r in counted)
    return Screened(candidate, passes, len(counted), beyond / (len(counted) + DOUBT))
