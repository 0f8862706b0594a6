"""Finds the commits that reverted a change and were not reverted themselves."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from feedback.git.clone import Commit, FileChange
from feedback.git.history import History
from feedback.git.main_files import MainFiles
from feedback.messages import RevertClaim, parse_revert_claim

_MAX_REVERT_CANDIDATES = 20
"""Possible reverts of one change whose contents may be read."""


@dataclass(frozen=True, slots=True)
class LandedChange:
    """A change on main, under all the names that a revert may use for it."""

    shas: frozenset[str]
    """The full shas of the commits that make it up."""
    subjects: frozenset[str]
    numbers: frozenset[int]
    step: int
    files: tuple[FileChange, ...]


@dataclass(frozen=True, slots=True)
class Revert:
    """A commit that reverts a change, or may do so."""

    commit: Commit
    step: int
    is_certain: bool
    """Whether its message or its blobs prove it; if not, its content must be the inverse."""


class RevertIndex:
    """Finds the commits that may have reverted a change."""

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
            claim = parse_revert_claim(commit.message)
            if claim is None:
                continue
            if history.is_step(commit):
                self._claims[history.step_of[commit.sha]] = claim
            for sha in claim.shas:
                self._by_sha.setdefault(sha[:7], []).append((sha, commit, claim))
            if claim.subject:
                self._by_subject.setdefault(claim.subject, []).append((commit, claim))
            for number in claim.numbers:
                self._by_number.setdefault(number, []).append((commit, claim))

    def candidates(self, landed: LandedChange) -> list[Revert]:
        """Return the commits that may have reverted the change.

        The certain ones come first, then older ones before newer ones.

        A commit that was certainly reverted itself is left out.
        """
        found: dict[str, Revert] = {}
        for commit, certain in [*self._find_claims(landed), *self._find_inverse(landed)]:
            step = self._history.step_of[commit.sha]
            if step > landed.step and (commit.sha not in found or certain):
                found[commit.sha] = Revert(commit, step, certain)
        remaining = [revert for revert in found.values() if not self._is_undone(revert)]
        return sorted(remaining, key=lambda revert: (not revert.is_certain, revert.step))[:_MAX_REVERT_CANDIDATES]

    def _is_undone(self, revert: Revert) -> bool:
        commit = revert.commit
        change = LandedChange(
            frozenset({commit.sha}),
            frozenset({commit.subject}),
            frozenset(),
            revert.step,
            self._files.files_of(revert.step) if self._history.is_step(commit) else (),
        )
        return any(other.is_certain for other in self.candidates(change))

    def _find_claims(self, landed: LandedChange) -> Iterator[tuple[Commit, bool]]:
        """Yield commits that say they revert the change; certain if reverting is all they do."""
        paths = {path for path, _, _ in landed.files}

        def related(commit: Commit) -> bool:
            step = self._history.step_of[commit.sha]
            return not paths or any(path in paths for path, _, _ in self._files.files_of(step))

        for sha in landed.shas:
            for short_sha, commit, claim in self._by_sha.get(sha[:7], ()):
                if sha.startswith(short_sha):
                    yield commit, claim.is_plain_revert and related(commit)
        for subject in landed.subjects:
            for commit, claim in self._by_subject.get(subject, ()):
                if self._last_landing(subject, self._history.step_of[commit.sha]) <= landed.step:
                    yield commit, claim.is_plain_revert and related(commit)
        for number in landed.numbers:
            for commit, claim in self._by_number.get(number, ()):
                yield commit, claim.is_plain_revert and related(commit)

    def _last_landing(self, subject: str, before: int) -> int:
        """Return the last step before `before` with this subject, which a revert by subject means; -1 for none."""
        return max((step for step in self._landings.get(subject, ()) if step < before), default=-1)

    def _find_inverse(self, landed: LandedChange) -> Iterator[tuple[Commit, bool]]:
        """Yield steps that restore every file, and steps that claim to revert and touch the same files."""
        if not landed.files:
            return
        restored = {(path, after, before) for path, before, after in landed.files}
        for step in self._files.steps_with_same_files(landed.files, landed.step):
            if set(self._files.files_of(step)) == restored:
                yield self._history.chain[step], True
            elif step in self._claims:
                yield self._history.chain[step], False


def name_landed_change(
    commits: Iterable[Commit], titles: Iterable[str], number: int, step: int, files: tuple[FileChange, ...]
) -> LandedChange:
    """Return the change under the names that a revert may use for it."""
    commits = list(commits)
    subjects = {commit.subject for commit in commits} | set(titles) | {f"{title} (#{number})" for title in titles}
    return LandedChange(frozenset(c.sha for c in commits), frozenset(subjects), frozenset({number}), step, files)


def pick_revert(candidates: Iterable[Revert], is_inverse: Mapping[str, bool]) -> Revert | None:
    """Return the first candidate that is certain or the inverse by content.

    `is_inverse` says of a commit's sha whether its content is.
    """
    return next((c for c in candidates if c.is_certain or is_inverse.get(c.commit.sha)), None)
