"""Counts the replays a night has left, and shares them out between tests."""

from __future__ import annotations

from dataclasses import replace

from meta.gate.presets import Preset, preset_of_budget
from meta.settings import TuneSettings
from meta.store.replays import Replays

MIN_TRIAL_REPLAYS = 25
"""Roughly how many replays it takes to test an edit that gains nothing."""


class ReplayBudget:
    """The replays of one night; void ones do not count, since they show nothing."""

    def __init__(self, replays: Replays, night: int, limit: int) -> None:
        self._replays, self.night, self.limit = replays, night, limit

    @property
    def used(self) -> int:
        return self._replays.count_used(self.night)

    @property
    def remaining(self) -> int:
        return max(0, self.limit - self.used)

    def test_share(self, waiting: int) -> int:
        """Return how many replays one test may use while `waiting` promising edits wait.

        That is all but the few it takes to find each of them hopeless, and at least half of what is left. A test that
        is still open then continues another night.
        """
        remaining = self.remaining
        return max(remaining - waiting * MIN_TRIAL_REPLAYS, remaining // 2) if waiting else remaining


def preset_of_settings(tune: TuneSettings) -> Preset:
    """Return the preset for the budget, with the team's own alpha if it set one."""
    preset = preset_of_budget(tune.replays)
    return replace(preset, gate=replace(preset.gate, alpha=tune.alpha)) if tune.alpha else preset
