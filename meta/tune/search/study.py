"""Keeps the Optuna study in runs.db.

Its trials can be rebuilt from the candidates' records, so nothing is lost when a night is killed. To look at it:

    optuna-dashboard sqlite:///runs.db

Optuna takes a second to import, so this module is imported only when there is something to choose.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution
from optuna.trial import TrialState
from sqlalchemy import URL

from meta.errors import MetaError
from meta.store.database import BUSY_SECONDS
from meta.tune.search.space import ChoiceValue, SearchChoice, SearchSpace

STUDY_NAME = "agent"
RANDOM_TRIALS = 6
"""Random trials before the sampler (TPE) builds a model."""


def study_url_of(database: Path) -> str:
    """Return the study's address, as optuna-dashboard wants it."""
    return URL.create("sqlite", database=str(database)).render_as_string()


@contextlib.contextmanager
def open_study(database: Path) -> Iterator[OptunaStudy]:
    """Open the study, creating it on first use.

    Raises `MetaError` when another release of Optuna wrote it.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    wait = {"connect_args": {"timeout": BUSY_SECONDS}}
    try:
        storage = optuna.storages.RDBStorage(study_url_of(database), engine_kwargs=wait)
    except RuntimeError as error:
        raise MetaError(
            f"cannot read the study in {database}: {' '.join(str(error).split())}",
            f"`optuna storage upgrade --storage {study_url_of(database)}`, "
            "or set suggestions = 0 under [search] in meta.toml",
        ) from None
    try:
        yield OptunaStudy(storage)
    finally:
        storage.remove_session()
        storage.engine.dispose()


class OptunaStudy:
    """Suggests choices, and learns what each was worth on search tickets.

    Each trial keeps the number of its candidate.
    """

    def __init__(self, storage: optuna.storages.RDBStorage) -> None:
        self._study = optuna.create_study(
            storage=storage, study_name=STUDY_NAME, direction="maximize", load_if_exists=True
        )
        self._study.sampler = optuna.samplers.TPESampler(
            n_startup_trials=RANDOM_TRIALS, seed=len(self._study.get_trials(deepcopy=False))
        )
        self._asked: optuna.Trial | None = None

    def close_waiting(self) -> None:
        """Fail trials that a killed run left in the queue."""
        while self._study.get_trials(deepcopy=False, states=(TrialState.WAITING,)):
            self.fail(self._study.ask().number)

    def open_trials(self) -> dict[int, int | None]:
        """Return the trials without a result, each with its candidate's number."""
        running = self._study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
        return {trial.number: trial.user_attrs.get("candidate") for trial in running}

    def known(self) -> set[int]:
        """Return the candidates that have a trial."""
        found = (t.user_attrs.get("candidate") for t in self._study.get_trials(deepcopy=False))
        return {number for number in found if number is not None}

    def ask(self, space: SearchSpace) -> tuple[int, SearchChoice] | None:
        """Start a trial; return its number and choice, or `None` when all are tried.

        The space's first choices come first, then what the sampler suggests.
        """
        distributions = self._distributions(space)
        tried = [space.changed(_plain(t.params)) for t in self._study.get_trials(deepcopy=False) if t.user_attrs]
        listed = space.all_choices()
        if listed is not None and all(choice in tried for choice in listed):
            return None
        if fresh := next((choice for choice in space.first_choices() if choice not in tried), None):
            self._study.enqueue_trial(_params(distributions, fresh))
        trial = self._asked = self._study.ask(distributions)
        return trial.number, space.changed(_plain(trial.params))

    def note_candidate(self, trial: int, candidate: int) -> None:
        """Note the candidate that the newest trial led to."""
        self._note(trial, "candidate", candidate)

    def refuse(self, trial: int, why: str) -> None:
        """Close the newest trial for good: its choice cannot be a candidate."""
        self._note(trial, "refused", why)
        self.fail(trial)

    def _note(self, trial: int, name: str, value: int | str) -> None:
        if self._asked is None or self._asked.number != trial:
            raise ValueError(f"trial {trial} is not the newest one")
        self._asked.set_user_attr(name, value)

    def tell(self, trial: int, worth: float) -> None:
        self._study.tell(trial, worth)

    def fail(self, trial: int) -> None:
        """Close a trial that has no result; its choice may be tried again."""
        self._study.tell(trial, state=TrialState.FAIL)

    def add(self, space: SearchSpace, choice: SearchChoice, candidate: int, worth: float) -> None:
        """Add a finished trial that the study did not suggest, such as a single edit."""
        distributions = self._distributions(space)
        self._study.add_trial(
            optuna.trial.create_trial(
                params=_params(distributions, choice),
                distributions=distributions,
                value=worth,
                user_attrs={"candidate": candidate},
            )
        )

    def _distributions(self, space: SearchSpace) -> dict[str, BaseDistribution]:
        """Return the distribution of each parameter.

        Optuna never lets a parameter change its list of values, so a changed list gets a new name: "effort (2)".
        """
        known: dict[str, BaseDistribution] = {}
        for trial in self._study.get_trials(deepcopy=False):
            known |= trial.distributions
        found: dict[str, BaseDistribution] = {}
        for base, values in space.names().items():
            wanted, name, number = CategoricalDistribution(values), base, 1
            while known.get(name, wanted) != wanted:
                number += 1
                name = f"{base} ({number})"
            found[name] = wanted
        return found


def _params(distributions: Mapping[str, BaseDistribution], choice: SearchChoice) -> dict[str, ChoiceValue]:
    """Return a value for every parameter: the choice's, or the unchanged one."""
    same = {name: d.choices[0] for name, d in distributions.items() if isinstance(d, CategoricalDistribution)}
    return {name: choice.get(_base(name), first) for name, first in same.items()}


def _plain(params: Mapping[str, ChoiceValue]) -> SearchChoice:
    return {_base(name): value for name, value in params.items()}


def _base(name: str) -> str:
    return re.sub(r" \(\d+\)$", "", name)
