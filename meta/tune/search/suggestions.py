"""Turns the study's suggestions into candidates, and reports their races to it.

It learns the outcome of races on search tickets only. All it sees of a test at the gate is that a refused edit may be
combined with others.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from meta.project import Report
from meta.records.account import Night
from meta.records.candidate import Candidate, Edit
from meta.records.ticket import Ticket
from meta.settings import Settings
from meta.store.store import Store
from meta.surfaces.versions import Version, VersionHistory
from meta.tune.propose.edit_check import EditCheck
from meta.tune.search.race_record import recorded_score_of
from meta.tune.search.space import SearchChoice, SearchSpace, edit_of_choice, find_combinable, space_of

if TYPE_CHECKING:
    from meta.tune.search.study import OptunaStudy

SUGGESTION_ATTEMPTS = 4
"""How often the study is asked for one suggestion when its choices were tried before or overlap."""

MAX_CANDIDATES_READ = 400
"""How many of the newest candidates are read to bring the study up to date."""


class SearchStudy:
    """Suggests combinations of edits and settings, and learns from their races."""

    def __init__(
        self, store: Store, history: VersionHistory, check: EditCheck, settings: Settings, report: Report
    ) -> None:
        self._store, self._history, self._check, self._report = store, history, check, report
        self._settings, self._default_model = settings.search, settings.worker_endpoint().model

    def suggest(self, night: Night, incumbent: Version, search: Sequence[Ticket]) -> list[Candidate]:
        """Add as many suggestions as are missing beside tonight's and undecided ones."""
        undecided = self._store.candidates.undecided_or_of_night(night.id)
        missing = self._settings.suggestions - sum(bool(c.edit.choice) for c in undecided)
        space = self._space(incumbent) if missing > 0 else None
        if space is None or space.is_empty:
            return []
        from meta.tune.search.study import open_study

        found: list[Candidate] = []
        with open_study(self._store.path) as study:
            self._catch_up(study, space, night)
            for _ in range(missing * SUGGESTION_ATTEMPTS):
                started = study.ask(space)
                if started is None:
                    break
                trial, choice = started
                edit, objection = self._build(incumbent, space, choice, search)
                if edit is None or objection:
                    study.refuse(trial, objection)
                    continue
                found.append(self._store.candidates.add(night.id, incumbent.id, edit))
                study.note_candidate(trial, found[-1].id)
                self._report(f"the search suggests: {edit.title}")
                if len(found) == missing:
                    break
        return found

    def learn(self, night: Night, incumbent: Version) -> None:
        """Tell the study how tonight's suggestions did in the race, once it is over."""
        if any(c.edit.choice for c in self._store.candidates.of_night(night.id)):
            from meta.tune.search.study import open_study

            with open_study(self._store.path) as study:
                self._catch_up(study, self._space(incumbent), night, race_is_over=True)

    def _space(self, incumbent: Version) -> SearchSpace:
        combinable = find_combinable(self._store, self._settings.doubling)
        return space_of(incumbent, self._settings, self._default_model, combinable)

    def _build(
        self, incumbent: Version, space: SearchSpace, choice: SearchChoice, search: Sequence[Ticket]
    ) -> tuple[Edit | None, str]:
        """Return the choice as an edit, and any objection to it."""
        try:
            edit = edit_of_choice(self._history, incumbent, space, choice, search)
        except ValueError as error:
            return None, str(error)
        return edit, self._check.find_objection(edit, incumbent) or ""

    def _catch_up(self, study: OptunaStudy, space: SearchSpace, night: Night, *, race_is_over: bool = False) -> None:
        """Bring the study up to date, and close all trials of earlier nights."""
        tried = {c.id: c for c in self._store.candidates.newest(MAX_CANDIDATES_READ)}
        study.close_waiting()
        for trial, number in study.open_trials().items():
            candidate = tried.get(number) if number is not None else None
            racing = candidate and candidate.status == "proposed" and candidate.night == night.id
            if racing and not race_is_over:
                continue
            score = recorded_score_of(self._store.replays, candidate) if candidate else None
            if score:
                study.tell(trial, score.at(self._settings.doubling))
            else:
                study.fail(trial)
        known = study.known()
        for candidate in tried.values():
            choice = candidate.edit.choice or {f"edit {candidate.id}": True}
            if candidate.id in known or not (candidate.edit.choice or candidate.id in space.edits):
                continue
            if candidate.status != "proposed" and (score := recorded_score_of(self._store.replays, candidate)):
                study.add(space, choice, candidate.id, score.at(self._settings.doubling))
