"""How sure a test must be: the preset's alpha, or in the strict tier the next level of e-LOND, counted from runs.db.

A level is fixed when a test begins and stays with it: one that was cut short is taken up at the same level, and one
that starts again against another incumbent is another test.
"""

from __future__ import annotations

from meta.app import Context
from meta.gate.presets import StrictTier


def test_level_of(context: Context, candidate: int, incumbent: str, standard: float) -> float:
    """The alpha of this candidate's test against this incumbent; `standard` is what the preset asks for."""
    tests = context.store.gate_tests
    if context.settings.tune.tier == "standard":
        return standard
    level = tests.strict_level(candidate, incumbent)
    if level is not None:
        return level
    sequence = current_sequence(context)
    if sequence.tests == 0:
        context.tell(f"strict tier: a new sequence of {sequence.horizon} tests begins")
    level = sequence.level()
    tests.begin_strict(candidate, incumbent, level)
    return level


def next_level_of(context: Context, standard: float) -> float:
    """The alpha that a test begun now would get; writes nothing."""
    return standard if context.settings.tune.tier == "standard" else current_sequence(context).level()


def current_sequence(context: Context) -> StrictTier:
    """The running sequence: its tests, and those of them whose candidate was kept. After the last a new one begins."""
    alpha = context.settings.tune.alpha or StrictTier().alpha
    horizon = StrictTier().horizon
    tests = context.store.gate_tests.count_strict()
    before = tests // horizon * horizon
    return StrictTier(alpha, horizon, tests - before, context.store.gate_tests.count_strict_kept(before))
