"""Weighs a candidate's gain on search tickets against its cost, as one number.

    worth = gain - doubling * log2(cost of its replays / cost of the incumbent's on the same tickets)

`doubling` is a setting: how much success (in [0, 1]) a change must bring to justify doubling the cost of a replay.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from meta.gate.beliefs import SUCCESS_PRIOR
from meta.records.replay import Replay

DOUBT_REPLAYS = 2.0
"""How many replays without gain are added to those made, so that one lucky replay does not win the race."""


@dataclass(frozen=True)
class RaceScore:
    """How a candidate did in its race.

    `gain` is the passes per replay beyond what the incumbent's record predicts, `doublings` is how often the cost has
    doubled; both are shrunk by `DOUBT_REPLAYS`.
    """

    passes: int
    runs: int
    gain: float
    doublings: float

    def at(self, doubling: float) -> float:
        return self.gain - doubling * self.doublings


def score_race(replays: Sequence[Replay], baseline: Sequence[Replay]) -> RaceScore:
    """Score a candidate's replays on search tickets against the incumbent's.

    A void one counts as failed, and its cost is unknown.
    """
    believed = expected_success_of(baseline)
    passes, runs = sum(r.verdict == "passed" for r in replays), len(replays)
    beyond = passes - sum(believed.get(r.ticket, 0.5) for r in replays)
    return RaceScore(
        passes, runs, beyond / (runs + DOUBT_REPLAYS), _doublings(replays, baseline) * runs / (runs + DOUBT_REPLAYS)
    )


def expected_success_of(baseline: Sequence[Replay]) -> dict[str, float]:
    """Return each ticket's expected success with the incumbent.

    It is shrunk towards the prior, because the race picks tickets for having failed.
    """
    a, b = dict[str, float](), dict[str, float]()
    for replay in baseline:
        if replay.verdict != "void":
            a[replay.ticket] = a.get(replay.ticket, SUCCESS_PRIOR[0]) + (replay.verdict == "passed")
            b[replay.ticket] = b.get(replay.ticket, SUCCESS_PRIOR[1]) + (replay.has_failed)
    return {ticket: a[ticket] / (a[ticket] + b[ticket]) for ticket in a}


def _doublings(replays: Sequence[Replay], baseline: Sequence[Replay]) -> float:
    """Return log2 of the cost ratio over the tickets that both ran; 0 if unknown."""
    before: dict[str, list[Replay]] = defaultdict(list)
    for replay in baseline:
        if replay.verdict != "void":
            before[replay.ticket].append(replay)
    pairs = [(r, before[r.ticket]) for r in replays if r.verdict != "void" and before[r.ticket]]
    everything = [r for r, _ in pairs] + [r for _, earlier in pairs for r in earlier]
    in_dollars = all(r.usage.usd is not None for r in everything)

    def cost(replay: Replay) -> float:
        return (replay.usage.usd or 0.0) if in_dollars else float(replay.usage.tokens)

    new = sum(cost(r) for r, _ in pairs)
    old = sum(sum(cost(r) for r in earlier) / len(earlier) for _, earlier in pairs)
    return math.log2(new / old) if new > 0.0 and old > 0.0 else 0.0
