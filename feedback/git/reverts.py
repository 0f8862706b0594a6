"""Later commits of main that took a change back, unless they were taken back themselves."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from feedback.git.clone import Commit, FileChange
from feedback.git.history import History
from feedback.git.main_files import MainFiles
from feedback.messages import RevertClaim, parse_revert_claim

_MAX_REVERT_CANDIDATES = 20
"""Reverts worth reading contents for, at most, for one change."""


@dataclass(frozen=True, slots=True)
class LandedChange:
    """A change of main that may have been taken back."""

    shas: frozenset[str]
    """Full ids of every commit that stands for it."""
    subjects: frozenset[str]
    numbers: frozenset[int]
    step: int
    files: tuple[FileChange, ...]


@dataclass(frozen=True, slots=True)
class Revert:
    commit: Commit
    step: int
    is_certain: bool
    """Whether its words or its blobs settle it; otherwise it must be the inverse by content."""


class RevertIndex:
    """Looks up what undid a change."""

    def __init__(self, history: History, main_files: MainFiles) -> None:
        self._history = history
        self._files = main_files
        self._by_sha: dict[str, list[tuple[str, Commit, RevertClaim]]] = {}
        self._by_subject: dict[str, list[tuple[Commit, RevertClaim]]] = {}
        self._by_number: dict[int, list[tuple[Commit, RevertClaim]]] = {}
        self._claims: dict[int, RevertClaim] = {}
        self._landings: dict[str, list[int]] = {}
        for step, commit in enumerate(history.chain):
            self._landings.setdefault(commit.subject, []).append(step)
        main = (history.commits[sha] for sha in history.on_main())
        for commit in main:
            said = parse_revert_claim(commit.message)
            if said is None:
                continue
            if history.is_step(commit):
                self._claims[history.step_of[commit.sha]] = said
            for sha in said.shas:
                self._by_sha.setdefault(sha[:7], []).append((sha, commit, said))
            if said.subject:
                self._by_subject.setdefault(said.subject, []).append((commit, said))
            for number in said.numbers:
                self._by_number.setdefault(number, []).append((commit, said))

    def candidates(self, landed: LandedChange) -> list[Revert]:
        """Commits that may have undone the change, the certain ones first, then by age.

        Empty when a certain one was itself undone for certain.
        """
        found: dict[str, Revert] = {}
        for commit, certain in [*self._claimed(landed), *self._inverse(landed)]:
            step = self._history.step_of[commit.sha]
            if step > landed.step and (commit.sha not in found or certain):
                found[commit.sha] = Revert(commit, step, certain)
        lasting = [undoing for undoing in found.values() if not self._is_undone(undoing)]
        return sorted(lasting, key=lambda undoing: (not undoing.is_certain, undoing.step))[:_MAX_REVERT_CANDIDATES]

    def _is_undone(self, undoing: Revert) -> bool:
        commit = undoing.commit
        again = LandedChange(
            frozenset({commit.sha}),
            frozenset({commit.subject}),
            frozenset(),
            undoing.step,
            self._files.files_of(undoing.step) if self._history.is_step(commit) else (),
        )
        return any(other.is_certain for other in self.candidates(again))

    def _claimed(self, landed: LandedChange) -> Iterator[tuple[Commit, bool]]:
        """Commits that name the change as reverted; certain when reverting is their whole purpose."""
        paths = {path for path, _, _ in landed.files}

        def related(commit: Commit) -> bool:
            step = self._history.step_of[commit.sha]
            return not paths or any(path in paths for path, _, _ in self._files.files_of(step))

        for sha in landed.shas:
            for named, commit, said in self._by_sha.get(sha[:7], ()):
                if sha.startswith(named):
                    yield commit, said.is_plain_revert and related(commit)
        for subject in landed.subjects:
            for commit, said in self._by_subject.get(subject, ()):
                if self._last_landing(subject, self._history.step_of[commit.sha]) <= landed.step:
                    yield commit, said.is_plain_revert and related(commit)
        for number in landed.numbers:
            for commit, said in self._by_number.get(number, ()):
                yield commit, said.is_plain_revert and related(commit)

    def _last_landing(self, subject: str, before: int) -> int:
        """The last step before `before` with this subject: the one that a revert by subject means; -1 for none."""
        return max((step for step in self._landings.get(subject, ()) if step < before), default=-1)

    def _inverse(self, landed: LandedChange) -> Iterator[tuple[Commit, bool]]:
        """Steps that give every file its old content back, then those that speak of reverting on the same files."""
        if not landed.files:
            return
        back = {(path, after, before) for path, before, after in landed.files}
        for step in self._files.steps_with_same_files(landed.files, landed.step):
            if set(self._files.files_of(step)) == back:
                yield self._history.chain[step], True
            elif step in self._claims:
                yield self._history.chain[step], False


def name_landed_change(
    commits: Iterable[Commit], titles: Iterable[str], number: int, step: int, files: tuple[FileChange, ...]
) -> LandedChange:
    """The names under which a later commit may take this change back."""
    commits = list(commits)
    subjects = {commit.subject for commit in commits} | set(titles) | {f"{title} (#{number})" for title in titles}
    return LandedChange(frozenset(c.sha for c in commits), frozenset(subjects), frozenset({number}), step, files)


def pick_revert(candidates: Iterable[Revert], is_inverse: Mapping[str, bool]) -> Revert | None:
    """The first candidate that is certain, or whose change is the inverse; `is_inverse` is by commit sha."""
    return next((c for c in candidates if c.is_certain or is_inverse.get(c.commit.sha)), None)
