"""How many replays a night may still make, and how many of them one test may take while others wait."""

from __future__ import annotations

from dataclasses import replace

from meta.gate.presets import Preset, preset_of_budget
from meta.settings import TuneSettings
from meta.store.replays import Replays

MIN_TRIAL_REPLAYS = 25
"""Replays that the test of an edit without gain takes, about."""


class ReplayBudget:
    """The replays of one night. Void ones do not count: they taught nothing."""

    def __init__(self, replays: Replays, night: int, limit: int) -> None:
        self._replays, self.night, self.limit = replays, night, limit

    @property
    def used(self) -> int:
        return self._replays.count_used(self.night)

    @property
    def remaining(self) -> int:
        return max(0, self.limit - self.used)

    def trial_share(self, waiting: int) -> int:
        """What one test may take while `waiting` promising edits wait: all but what shows that each is hopeless.

        It is at least half of what is left. A test that is still open then goes on another night.
        """
        remaining = self.remaining
        return max(remaining - waiting * MIN_TRIAL_REPLAYS, remaining // 2) if waiting else remaining


def preset_of_settings(tune: TuneSettings) -> Preset:
    """The preset of the budget, with the team's own alpha where it has set one."""
    preset = preset_of_budget(tune.replays)
    return replace(preset, gate=replace(preset.gate, alpha=tune.alpha)) if tune.alpha else preset
