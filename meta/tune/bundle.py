"""Tests small edits together, when none could show its gain alone.

The replays that a test takes grow with the inverse square of the gain, so three edits of five points each cost a ninth
when they are tested together. The gate vouches only for what it tests: that edits kept together help together, not that
each one does. So an edit joins others only if it looked likely to help in the race.
"""

from __future__ import annotations

from collections.abc import Sequence

from meta.gate.beliefs import LIFT
from meta.project import Report
from meta.records.account import Night
from meta.records.candidate import Candidate, Edit
from meta.records.replay import Replay
from meta.records.ticket import Ticket
from meta.store.store import Store
from meta.surfaces.versions import Version, VersionHistory
from meta.tune.propose.edit_check import EditCheck
from meta.tune.screen import SHARE_LIFTED, ScreenResult
from meta.tune.search.space import SearchChoice, SearchSpace, edit_of_choice
from meta.tune.search.worth import expected_success_of

DETECTABLE_GAIN = 0.10
"""A gain in one-shot success that a test of a few hundred replays usually detects (`bench.gate`)."""

MIN_LIFT_LOG_ODDS = 1.0
"""The least log-odds after the race with which an edit may be tested with others."""

MAX_BUNDLED_EDITS = 4
"""The most edits in one test: a reviewer has to read them all."""

MAX_NIGHTS_WAITING = 4
"""Nights that an edit waits for others before it is tested alone."""

MAX_BUNDLES_READ = 30
"""How many ended joint tests are read to refuse their parts."""


class Bundles:
    """Joins small edits before the gate, and refuses them when their test fails."""

    def __init__(self, store: Store, history: VersionHistory, check: EditCheck, report: Report) -> None:
        self._store, self._history, self._check, self._report = store, history, check, report

    def form(
        self,
        night: Night,
        incumbent: Version,
        screened: Sequence[ScreenResult],
        search: Sequence[Ticket],
        baseline: Sequence[Replay],
    ) -> list[ScreenResult]:
        """Return what the gate tests tonight, in order.

        Open tests come first, then small edits joined as one, then edits that are large enough alone. A small edit that
        is likely to help waits for others to join it, and is tested alone if none do; any other small one is dropped.
        """
        believed = expected_success_of(baseline)
        gains = {e.candidate.id: promised_gain_of(e.candidate.edit, search, believed) for e in screened}
        small = [e for e in screened if _is_new(e.candidate) and gains[e.candidate.id] < DETECTABLE_GAIN]
        likely = [e for e in small if not e.is_doubtful and e.log_odds >= MIN_LIFT_LOG_ODDS]
        is_open = any(e.candidate.status == "testing" and e.candidate.edit.choice for e in screened)
        parts, edit = ([], None) if is_open else self._choose_parts(incumbent, likely, search)
        if edit is None or sum(gains[e.candidate.id] for e in parts) < DETECTABLE_GAIN:
            parts, edit = [], None
        begun = [e for e in screened if e.candidate.status == "testing"]
        joint = [self._join(night, incumbent, edit, parts)] if edit else []
        alone = [e for e in screened if e not in begun and e not in small]
        for entrant in (e for e in small if e not in parts):
            candidate = entrant.candidate
            words = f"{candidate.edit.title} (expected gain alone: {gains[candidate.id]:+.0%})"
            if entrant not in likely:
                self._store.candidates.move(candidate, "screened_out", f"{entrant.why}, and it promises too little")
                self._report(f"dropped: {words}: {entrant.why}")
            elif is_open or night.id - candidate.night < MAX_NIGHTS_WAITING:
                self._report(f"held for a joint test: {words}")
            else:
                alone.append(entrant)
        return [*begun, *joint, *alone]

    def refuse_failed_parts(self) -> None:
        """Refuse the parts of joint tests that showed no gain.

        The study may still combine them in other ways.
        """
        waiting = {f"edit {part.id}": part for part in self._store.candidates.bundled()}
        if not waiting:
            return
        for joint in self._store.candidates.ended_bundles(MAX_BUNDLES_READ):
            for name in joint.edit.choice:
                if name in waiting:
                    why = f"tested with others as {joint.id}: refused"
                    self._store.candidates.move(waiting.pop(name), "refused", why)

    def _choose_parts(
        self, incumbent: Version, likely: Sequence[ScreenResult], search: Sequence[Ticket]
    ) -> tuple[list[ScreenResult], Edit | None]:
        """Return edits that can be joined, and the joint edit; none if fewer than two."""
        parts: list[ScreenResult] = []
        edit: Edit | None = None
        for entrant in likely:
            if len(parts) == MAX_BUNDLED_EDITS:
                break
            chosen = {e.candidate.id: e.candidate for e in sorted((*parts, entrant), key=lambda e: e.candidate.id)}
            choice: SearchChoice = {f"edit {number}": True for number in chosen}
            try:
                made = edit_of_choice(self._history, incumbent, SearchSpace(chosen, {}, {}), choice, search)
            except ValueError:  # it overlaps another
                continue
            if len(chosen) == 1 or not self._check.find_objection(made, incumbent):
                parts, edit = [*parts, entrant], made
        return (parts, edit) if len(parts) > 1 else ([], None)

    def _join(self, night: Night, incumbent: Version, edit: Edit, parts: Sequence[ScreenResult]) -> ScreenResult:
        """Make one candidate of these, ready for the gate: its parts had their races."""
        candidates = self._store.candidates
        with self._store.all_or_nothing():
            joint = candidates.move(candidates.add(night.id, incumbent.id, edit), "testing")
            for entrant in parts:
                candidates.move(entrant.candidate, "joined", f"tested with others as {joint.id}")
        self._report(f"testing together: {edit.title}")
        return ScreenResult.without_race(joint)


def promised_gain_of(edit: Edit, search: Sequence[Ticket], believed: dict[str, float]) -> float:
    """Return how much one-shot success on all tickets may grow if this edit helps.

    It can gain no more than what search tickets of its themes lack.
    """
    about = [t for t in search if set(t.labels) & set(edit.themes) or t.id in edit.flips]
    return SHARE_LIFTED * LIFT * sum(1.0 - believed.get(t.id, 0.5) for t in about) / max(1, len(search))


def _is_new(candidate: Candidate) -> bool:
    """Whether this is an untested edit of the proposer, and not a study's suggestion."""
    return candidate.status == "proposed" and candidate.commit is not None and not candidate.edit.choice
