"""Finds how a pull request came into main, by graph, message or stamp.

A stamp is what a rebase keeps of a commit: author, time and subject.
"""

from __future__ import annotations

from dataclasses import dataclass

from feedback.git.agent_pulls import AgentPull
from feedback.git.clone import Commit, FileChange
from feedback.git.main_files import MainFiles
from feedback.git.main_index import MainIndex
from feedback.messages import pull_number_of, strip_number


@dataclass(frozen=True, slots=True)
class Landing:
    """The steps of main, `first` to `last`, that a pull request came in with."""

    how: str
    """merge, squash, rebase, cherry-pick, in-main, absorbed, closes."""
    first: int
    last: int
    commit: Commit
    """The commit that shows it."""
    parts: tuple[tuple[Commit, Commit], ...] = ()
    """If the commits landed separately, pairs: a commit of the pull request and its copy on main."""
    is_complete: bool = True
    """False if only some of the pull request's commits landed."""
    holds_head: bool = False
    """Whether the pull request's head itself is in main."""
    carrier_number: int | None = None
    """The other pull request that brought this one in with its own work."""


def find_landing(
    pull: AgentPull, files: tuple[FileChange, ...], after: int, index: MainIndex, main_files: MainFiles, gitlab: bool
) -> Landing | None:
    """Find the landing by graph or number, or else by stamp; None if there is none.

    `files` are those that the pull request changes, `after` is the step of main that it is based on.
    """
    found = [_find_by_graph(pull, index, gitlab), _find_by_number(pull, files, after, index, main_files)]
    # A branch may be merged after its change was squashed in: the earlier of the two brought it in.
    landings = sorted((landing for landing in found if landing), key=lambda landing: landing.last)
    return landings[0] if landings else _find_by_stamp(pull, after, index)


def _find_by_graph(pull: AgentPull, index: MainIndex, gitlab: bool) -> Landing | None:
    history = index.history
    step = history.step_of.get(pull.head.sha)
    if step is None or pull.head.sha in history.dropped_steps:
        return None
    commit = history.chain[step]
    twin = history.replaced_by.get(pull.head.sha)
    if (twin or pull.head.sha) == commit.sha:
        return Landing("in-main", step, step, commit, holds_head=twin is None)
    named = pull_number_of(commit.message, gitlab)
    carrier = named if named != pull.number else None
    return Landing("merge", step, step, commit, holds_head=twin is None, carrier_number=carrier)


def _find_by_number(
    pull: AgentPull, files: tuple[FileChange, ...], after: int, index: MainIndex, main_files: MainFiles
) -> Landing | None:
    paths = {path for path, _, _ in files}
    subjects = {strip_number(commit.subject).casefold() for commit in pull.commits}
    for step in index.by_number.get(pull.number, ()):
        commit = index.history.chain[step]
        # A number alone may be that of a ticket, or come from another repository's imported history.
        related = pull.is_cut_off or strip_number(commit.subject).casefold() in subjects
        if step > after and (related or any(path in paths for path, _, _ in main_files.files_of(step))):
            return Landing("merge" if len(commit.parents) > 1 else "squash", step, step, commit)
    return None


def _find_by_stamp(pull: AgentPull, after: int, index: MainIndex) -> Landing | None:
    history = index.history
    parts = [(commit, twin) for commit in pull.own_work if (twin := index.twin_of(commit))]
    if not parts or parts[-1][0] is not pull.own_work[-1]:
        return None  # the last commit did not land: these belong to another pull request below this one
    steps = [history.step_of[twin.sha] for _, twin in parts]
    if min(steps) <= after:
        return None  # they were copied from main
    first, last = min(steps), max(steps)
    complete = len(parts) == len(pull.own_work)
    in_a_row = steps == list(range(first, last + 1)) and all(history.is_step(twin) for _, twin in parts)
    if first == last and not in_a_row:  # rebased by hand, then merged
        return Landing("merge", first, last, history.chain[first], is_complete=complete)
    picked = "cherry picked from commit" in parts[-1][1].message or not complete
    return Landing(
        "cherry-pick" if picked else "rebase",
        first,
        last,
        parts[-1][1],
        parts=() if in_a_row and complete else tuple(parts),
        is_complete=complete,
    )
