"""Decides how sure each test must be.

In the standard tier that is the preset's alpha; in the strict tier, the next level of e-LOND, counted from runs.db. A
level is fixed when a test begins: an interrupted test resumes at the same level, and a candidate that starts over
against another incumbent begins another test.
"""

from __future__ import annotations

from meta.gate.presets import StrictTier
from meta.project import Report, ignore_report
from meta.settings import TuneSettings
from meta.store.gate_tests import GateTests


class AlphaLevels:
    """Gives each test its alpha; in the standard tier, the preset's."""

    def __init__(self, gate_tests: GateTests, settings: TuneSettings, report: Report = ignore_report) -> None:
        self._gate_tests, self._settings, self._report = gate_tests, settings, report

    def of_test(self, candidate: int, incumbent: str, standard: float) -> float:
        """Return the alpha of this test, fixed for good when it begins.

        `standard` is the preset's alpha.
        """
        if self._settings.tier == "standard":
            return standard
        given = self._gate_tests.strict_level(candidate, incumbent)
        if given is not None:
            return given
        sequence = self.current_sequence()
        if sequence.tests == 0:
            self._report(f"strict tier: starting a new sequence of {sequence.horizon} tests")
        alpha = sequence.level()
        self._gate_tests.begin_strict(candidate, incumbent, alpha)
        return alpha

    def of_next_test(self, standard: float) -> float:
        """Return the alpha that a test would get if it began now; records nothing."""
        return standard if self._settings.tier == "standard" else self.current_sequence().level()

    def current_sequence(self) -> StrictTier:
        """Count the tests of the current sequence, and those whose candidate was kept.

        When a sequence is full, the next one begins.
        """
        alpha, horizon = self._settings.alpha or StrictTier().alpha, StrictTier().horizon
        tests = self._gate_tests.count_strict()
        before = tests // horizon * horizon
        return StrictTier(alpha, horizon, tests - before, self._gate_tests.count_strict_kept(before))
