"""How sure a test must be: the preset's alpha, or in the strict tier the next level of e-LOND, counted from runs.db.

A level is fixed when a test begins and stays with it: one that was cut short goes on at the same level, and one that
starts again against another incumbent is another test.
"""

from __future__ import annotations

from meta.gate.presets import StrictTier
from meta.project import Report, ignore_report
from meta.settings import TuneSettings
from meta.store.gate_tests import GateTests


class AlphaLevels:
    """Gives each test its alpha. In the standard tier that is what the preset asks for."""

    def __init__(self, gate_tests: GateTests, settings: TuneSettings, report: Report = ignore_report) -> None:
        self._gate_tests, self._settings, self._report = gate_tests, settings, report

    def of_test(self, candidate: int, incumbent: str, standard: float) -> float:
        """The alpha of this candidate's test against this incumbent, for good; `standard` is what the preset asks."""
        if self._settings.tier == "standard":
            return standard
        given = self._gate_tests.strict_level(candidate, incumbent)
        if given is not None:
            return given
        sequence = self.current_sequence()
        if sequence.tests == 0:
            self._report(f"strict tier: a new sequence of {sequence.horizon} tests begins")
        alpha = sequence.level()
        self._gate_tests.begin_strict(candidate, incumbent, alpha)
        return alpha

    def of_next_test(self, standard: float) -> float:
        """The alpha that a test begun now would get; writes nothing."""
        return standard if self._settings.tier == "standard" else self.current_sequence().level()

    def current_sequence(self) -> StrictTier:
        """The tests of the sequence so far, and those whose candidate was kept. After the last a new one begins."""
        alpha, horizon = self._settings.alpha or StrictTier().alpha, StrictTier().horizon
        tests = self._gate_tests.count_strict()
        before = tests // horizon * horizon
        return StrictTier(alpha, horizon, tests - before, self._gate_tests.count_strict_kept(before))
