"""The study's suggestions as ordinary candidates, and what it learns: the outcome of races on search tickets, no more.

Of a test at the gate it sees one thing only: an edit that was refused may be combined with others.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from meta.app import Context
from meta.records.candidate import Candidate, Edit
from meta.records.ticket import Ticket
from meta.surfaces.versions import Version
from meta.tune.search.race_record import race_score
from meta.tune.search.space import SearchSpace, edit_of_choice, space_of

if TYPE_CHECKING:
    from meta.tune.search.study import SearchStudy

SUGGESTION_ATTEMPTS = 4
"""How often the study is asked for one suggestion when what it says has been tried or cannot be put together."""

MAX_CANDIDATES_READ = 400
"""Candidates that are looked at to bring the study up to date."""

SuggestionObjection = Callable[[Edit], str | None]


def suggest_edits(
    context: Context, incumbent: Version, search: Sequence[Ticket], objection: SuggestionObjection
) -> list[Candidate]:
    """Tonight's new suggestions, checked: as many as are missing beside those of tonight and those still undecided."""
    store, night = context.store, context.night
    assert night is not None
    made = [c for c in store.candidates.undecided_or_of_night(night) if c.edit.choice]
    missing = context.settings.search.suggestions - len(made)
    space = space_of(context, incumbent) if missing > 0 else None
    if space is None or space.is_empty:
        return []
    from meta.tune.search.study import open_study

    found = []
    with open_study(store.path) as study:
        _catch_up(context, study, space)
        for _ in range(missing * SUGGESTION_ATTEMPTS):
            asked = study.ask(space)
            if asked is None:
                break
            trial, choice = asked
            try:
                edit = edit_of_choice(context, incumbent, space, choice, search)
                problem = objection(edit)
            except ValueError as error:
                problem = str(error)
            if problem:
                study.refuse(trial, problem)
                continue
            found.append(store.candidates.add(night, incumbent.id, edit))
            study.belongs(trial, found[-1].id)
            context.tell(f"the search suggests: {edit.title}")
            if len(found) == missing:
                break
    return found


def report_races(context: Context, incumbent: Version) -> None:
    """Tell the study what came of tonight's suggestions in the race, once that is over."""
    tonight = context.store.candidates.of_night(context.night) if context.night else []
    if any(c.edit.choice for c in tonight):
        from meta.tune.search.study import open_study

        with open_study(context.store.path) as study:
            _catch_up(context, study, space_of(context, incumbent), race_is_over=True)


def _catch_up(context: Context, study: SearchStudy, space: SearchSpace, *, race_is_over: bool = False) -> None:
    """Bring the study up to date with the record: no trial of an earlier night stays open, whatever ended it."""
    store, doubling = context.store, context.settings.search.doubling
    tried = {c.id: c for c in store.candidates.newest(MAX_CANDIDATES_READ)}
    study.close_waiting()
    for trial, number in study.open_trials().items():
        candidate = tried.get(number) if number is not None else None
        racing = candidate and candidate.status == "proposed" and candidate.night == context.night
        if racing and not race_is_over:
            continue
        found = race_score(store, candidate) if candidate else None
        if found:
            study.tell(trial, found.at(doubling))
        else:
            study.fail(trial)
    known = study.known()
    for candidate in tried.values():
        choice = candidate.edit.choice or {f"edit {candidate.id}": True}
        if candidate.id in known or not (candidate.edit.choice or candidate.id in space.edits):
            continue
        if candidate.status != "proposed" and (found := race_score(store, candidate)):
            study.add(space, choice, candidate.id, found.at(doubling))
