"""DOCSTRING meta.tune.budget."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from meta.app import Context
from meta.gate.presets import Preset, preset_of_budget
from meta.store.replays import count_replays_used
from meta.tune.screen import ScreenResult

MIN_TRIAL_REPLAYS = 25
"""Replays that a test of an edit without gain takes, about."""


def count_remaining_replays(context: Context, budget: int) -> int:
    """Replays that the night may still make."""
    return budget if context.night is None else max(0, budget - count_replays_used(context.store, context.night))


def trial_share(replays: int, waiting: int) -> int:
    """What a test may spend while others wait: all but what it takes to see that each of those is hopeless, and at
    least half. A test that is still open then goes on another night."""
    return max(replays - waiting * MIN_TRIAL_REPLAYS, replays // 2) if waiting else replays


def drop_doubtful_edits(context: Context, unreached: Sequence[ScreenResult]) -> None:
    """The screen only orders. What it gave no hope is dropped when the budget is too small for it; the rest waits."""
    for entrant in unreached:
        if entrant.hopeless:
            context.store.candidates.move(entrant.candidate, "screened_out", entrant.why)
            context.tell(f"dropped: {entrant.candidate.edit.title}: {entrant.why}")


def preset_of_settings(context: Context) -> Preset:
    """The preset of the budget, with the team's own alpha where it has set one."""
    tune = context.settings.tune
    plan = preset_of_budget(tune.replays)
    return replace(plan, gate=replace(plan.gate, alpha=tune.alpha)) if tune.alpha else plan
