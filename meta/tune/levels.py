"""How sure a test must be: the preset's alpha, or in the strict tier the next level of e-LOND, counted from runs.db.

A level is fixed when a test begins and stays with it: one that was cut short is taken up at the same level, and one
that starts again against another incumbent is another test.
"""

from __future__ import annotations

from meta.app import Context
from meta.gate.presets import StrictTier
from meta.store.definitions import take_timestamp


def test_level_of(context: Context, candidate: int, incumbent: str, standard: float) -> float:
    """The alpha of this candidate's test against this incumbent; `standard` is what the preset asks for."""
    tune, store = context.settings.tune, context.store
    if tune.tier == "standard":
        return standard
    begun = store.one("select alpha from strict_tests where candidate = ? and incumbent = ?", candidate, incumbent)
    if begun:
        return float(begun["alpha"])
    sequence = current_sequence(context)
    if sequence.tests == 0:
        context.tell(f"strict tier: a new sequence of {sequence.horizon} tests begins")
    alpha = sequence.level()
    store.write(
        "insert into strict_tests (candidate, incumbent, alpha, at) values (?, ?, ?, ?)",
        candidate,
        incumbent,
        alpha,
        take_timestamp(),
    )
    return alpha


def next_level_of(context: Context, standard: float) -> float:
    """The alpha that a test begun now would get; writes nothing."""
    return standard if context.settings.tune.tier == "standard" else current_sequence(context).level()


def current_sequence(context: Context) -> StrictTier:
    """The running sequence: its tests, and those of them whose candidate was kept. After the last a new one begins."""
    alpha = context.settings.tune.alpha or StrictTier().alpha
    horizon = StrictTier().horizon
    store = context.store
    row = store.one("select count(*) as n from strict_tests")
    tests = int(row["n"]) if row else 0
    before = tests // horizon * horizon
    row = store.one(
        "select count(*) as n from strict_tests t join candidates c on c.id = t.candidate and c.parent = t.incumbent"
        " where c.status = 'kept' and t.id > ?",
        before,
    )
    return StrictTier(alpha, horizon, tests - before, int(row["n"]) if row else 0)
