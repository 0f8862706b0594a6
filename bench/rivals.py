"""Runs many nights with a common rule in place of our gate.

World, edits and budget are the same; only the decision differs. A rule runs every edit on all tickets. After each
promotion the incumbent runs again, and all edits until the next promotion share that run. A night's last test may
exceed the budget; the next night then has that much less.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Any

from bench.gate import RULES, Incumbent
from bench.growing import Kept, Version, World
from bench.worlds import Edit, Tickets


class Rival:
    """One rule through many nights."""

    def __init__(self, world: World, rule: str, seed: int, budget: int) -> None:
        self.world = world
        self.incumbent: Version = ()
        self._rule, self._budget, self._left = RULES[rule], budget, 0
        self._luck = Random(f"{seed} {rule}")
        self._draws = self._fresh()
        self._shared: dict[str, Any] = {}

    def _fresh(self) -> Incumbent:
        p = self._on(self.incumbent)
        return Incumbent(Tickets(p, ((0, 0),) * len(p)), self._luck)

    def _on(self, version: Version) -> tuple[float, ...]:
        return tuple(self.world.success(version, name) for name in self.world.tickets)

    def night(self, edits: Sequence[int]) -> tuple[list[Kept], int]:
        """Run one night with these new edits; return what was kept, and the replays."""
        self._left = min(self._left, 0) + self._budget
        kept, made = list[Kept](), 0
        for edit in edits:
            if self._left <= 0:
                break
            candidate = (*self.incumbent, edit)
            test = self._rule(self._draws, Edit(self._on(candidate), ()), self._luck, self._shared)
            made, self._left = made + test.replays, self._left - test.replays
            if test.kept:
                kept.append(Kept((edit,), self.incumbent))
                self.incumbent = candidate
                self._draws = self._fresh()
        return kept, made

    def close(self) -> None:
        """Do nothing: there is nothing to close."""
