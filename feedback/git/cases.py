"""Builds a case for each pull request: where it may have landed.

This needs commits, messages and file names, but no contents; `comparison` reads those.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Literal

from feedback.git.agent_pulls import AgentPull
from feedback.git.clone import Clone, Commit, FileChange
from feedback.git.history import History
from feedback.git.landing import Landing, find_landing
from feedback.git.main_files import MainFiles, trees_around_step
from feedback.git.main_index import MainIndex
from feedback.git.reverts import Revert, RevertIndex, name_landed_change
from feedback.identity import co_authors_in
from feedback.messages import closed_numbers_in, pull_number_of, pull_title_of, strip_number, superseded_numbers_in

CASE_FORMAT = 3
"""Increase this when the same repository would give other outcomes than before: old cursors would hide them."""
_MAX_CANDIDATES = 12
_SUCCESSION_SECONDS = 90 * 86_400
"""How long after a pull request a commit with its title counts as its successor; later, it is a coincidence."""
_DEPENDENCY_BUMP = re.compile(
    r"^(?:\w+(?:\(.*?\))?: )?(?:bump|update|upgrade) (?:dependency )?(\S+)(?: requirement)?\b.*\bto\b", re.I
)

LandingProof = Literal["settled", "equal", "contained", "half", "most"]


@dataclass(frozen=True, slots=True)
class LandingCandidate:
    """One way in which a pull request may have landed, and what may have reverted it."""

    landing: Landing
    proof: LandingProof
    """What must hold for this to be the landing. settled: nothing; equal: the contents are equal; contained: it has the
    whole change; half: it has half of the added lines; most: it has nearly all of them, in every file."""
    is_own_work: bool
    """False if the step is somebody else's work: then the pull request was not merged but overtaken."""
    reverts: tuple[Revert, ...]


@dataclass(frozen=True, slots=True)
class PullCase:
    """A pull request, where it may have landed, and what else may have ended it."""

    pull: AgentPull
    landing_candidates: tuple[LandingCandidate, ...]
    is_young: bool
    """Whether the head is too recent for an unmerged pull request to count as rejected."""
    closing_commits: tuple[Commit, ...] = ()
    """Commits of main that say they close or supersede the pull request."""
    overtaking_commit: Commit | None = None
    """The first of them that touches the same files."""
    merge_outside_main: Commit | None = None
    """A commit that merged it elsewhere, into a release branch or another pull request."""
    successor: Commit | None = None
    """A later commit of main with the same title, or one that bumps the same dependency."""

    @property
    def fingerprint(self) -> str:
        """Unchanged as long as nothing that the outcome depends on has changed."""
        pull = self.pull
        facts = [CASE_FORMAT, pull.number, pull.head.sha, pull.submission.sha, pull.version, self.is_young]
        for candidate in self.landing_candidates:
            landing = candidate.landing
            facts += [landing.how, landing.commit.sha, landing.first, landing.last]
            facts += [candidate.proof, candidate.is_own_work, *(revert.commit.sha for revert in candidate.reverts)]
        facts += [commit.sha for commit in self.closing_commits]
        facts += [other.sha if other else None for other in (self.merge_outside_main, self.successor)]
        return hashlib.sha256(repr(facts).encode()).hexdigest()[:16]


class CaseBuilder:
    """Turns pull requests into cases, in one pass over main for all of them."""

    def __init__(self, clone: Clone, history: History, index: MainIndex, gitlab: bool, open_days: int) -> None:
        self._clone, self._history, self._index, self._gitlab = clone, history, index, gitlab
        self._open_after = history.chain[-1].time - open_days * 86_400
        self._closing: dict[int, list[Commit]] = {}
        self._by_title: dict[str, list[int]] = {}
        self._outside_main: dict[int, list[Commit]] = {}
        for commit in history.commits.values():
            if commit.sha not in history.step_of and (number := pull_number_of(commit.message, gitlab)) is not None:
                self._outside_main.setdefault(number, []).append(commit)
        for step, commit in enumerate(history.chain):
            for number in closed_numbers_in(commit.message) | superseded_numbers_in(commit.message):
                self._closing.setdefault(number, []).append(commit)
            if title := pull_title_of(commit.message):
                self._by_title.setdefault(_subject_key(title), []).append(step)

    def build(self, pulls: Iterable[AgentPull]) -> Iterator[PullCase]:
        """Yield the case of each pull request, in order; none for one whose trees git cannot read."""
        pulls = list(pulls)
        pairs = [(pull.base.tree if pull.base else self._clone.empty_tree, pull.head.tree) for pull in pulls]
        since = min((self._base_step(pull) for pull in pulls), default=0)
        main_files = MainFiles(self._clone, self._history, max(since, 0))
        reverts = RevertIndex(self._history, main_files)
        for pull, files in zip(pulls, self._clone.changed_files(pairs), strict=True):
            if files is not None:
                yield self._case(pull, files, main_files, reverts)

    def _base_step(self, pull: AgentPull) -> int:
        """Return the step that the pull request is based on; its own steps on main are later."""
        step = self._history.step_of.get(pull.head.sha)
        base = self._history.step_of.get(pull.base.sha, -1) if pull.base else -1
        return base if step is None else min(base, step - 1)

    def _case(
        self, pull: AgentPull, files: tuple[FileChange, ...], main_files: MainFiles, reverts: RevertIndex
    ) -> PullCase:
        after = self._base_step(pull)
        is_young = pull.head.time > self._open_after
        if landing := find_landing(pull, files, after, self._index, main_files, self._gitlab):
            found = LandingCandidate(landing, "settled", True, self._reverts_of(pull, landing, main_files, reverts))
            return PullCase(pull, (found,), is_young)
        closing = [c for c in self._closing.get(pull.number, ()) if self._history.step_of[c.sha] > after]
        paths = {path for path, _, _ in files}

        def touches_same(commit: Commit) -> bool:
            return any(path in paths for path, _, _ in main_files.files_of(self._history.step_of[commit.sha]))

        by_content = islice(self._landings_by_content(pull, files, main_files, closing), 2 * _MAX_CANDIDATES)
        return PullCase(
            pull,
            tuple(
                LandingCandidate(where, proof, own, self._reverts_of(pull, where, main_files, reverts) if own else ())
                for where, proof, own in by_content
            ),
            is_young,
            closing_commits=tuple(closing),
            overtaking_commit=next((c for c in closing if touches_same(c)), None),
            merge_outside_main=self._merge_outside_main(pull),
            successor=self._successor(pull),
        )

    def _landings_by_content(
        self, pull: AgentPull, files: tuple[FileChange, ...], main_files: MainFiles, closing: list[Commit]
    ) -> Iterator[tuple[Landing, LandingProof, bool]]:
        """Yield steps that may have the change under another name, likeliest first."""
        after = self._base_step(pull)
        chain = self._history.chain
        people = {address.casefold() for commit in pull.commits for address in _addresses_of(commit)}
        subjects = {commit.subject.casefold() for commit in pull.own_work}
        closes = {commit.sha for commit in closing}

        def own(commit: Commit) -> bool:
            if commit.sha in closes:
                return True
            other = pull_number_of(commit.message, self._gitlab)
            if other is not None:
                return False
            quoted = {line.strip("*- \t").casefold() for line in commit.message.split("\n")}
            return not people.isdisjoint(a.casefold() for a in _addresses_of(commit)) or not subjects.isdisjoint(quoted)

        for step in islice(main_files.steps_with_same_files(files, after), _MAX_CANDIDATES):
            yield Landing("cherry-pick", step, step, chain[step]), "equal", own(chain[step])
        if (settled := main_files.step_with_same_result(files, after)) is not None:
            yield Landing("absorbed", settled, settled, chain[settled]), "settled", own(chain[settled])
        for step in main_files.steps_touching(files, after):
            if own(chain[step]):
                if chain[step].sha in closes:
                    yield Landing("closes", step, step, chain[step]), "half", True
                else:
                    yield Landing("absorbed", step, step, chain[step]), "contained", True
        last = pull.head.time + _SUCCESSION_SECONDS
        others = [s for s in main_files.steps_touching(files, after) if not own(chain[s]) and chain[s].time <= last]
        # The fewer other files a step touches, the likelier it is the same work.
        others.sort(key=lambda step: len(main_files.files_of(step)))
        for step in others[:_MAX_CANDIDATES]:
            yield Landing("absorbed", step, step, chain[step]), "most", False

    def _reverts_of(
        self, pull: AgentPull, landing: Landing, main_files: MainFiles, reverts: RevertIndex
    ) -> tuple[Revert, ...]:
        files = main_files.files_of(landing.last) if landing.first == landing.last and not landing.parts else ()
        steps = self._history.chain[landing.first : landing.last + 1] if not landing.parts else []
        # To revert one commit of several is to revert only a part.
        alone = pull.commits if len(pull.own_work) == 1 else ()
        commits = [*steps, *(there for _, there in landing.parts), *alone]
        titles = {strip_number(commit.subject) for commit in alone} | {pull_title_of(landing.commit.message) or ""}
        number = pull.number
        return tuple(reverts.candidates(name_landed_change(commits, titles, number, landing.last, files)))

    def _merge_outside_main(self, pull: AgentPull) -> Commit | None:
        """Find where it was merged outside main. Forks number their own, so the head or subject must match too."""
        own = {commit.sha for commit in pull.commits}
        subjects = {strip_number(commit.subject) for commit in pull.commits}
        for commit in self._outside_main.get(pull.number, ()):
            if commit.sha not in own and (
                pull.head.sha in commit.parents[1:] or strip_number(commit.subject) in subjects
            ):
                return commit
        return None

    def _successor(self, pull: AgentPull) -> Commit | None:
        """Find the next pull request of main with this one's title."""
        key = _subject_key(strip_number(pull.first.subject))
        for step in self._by_title.get(key, ()):
            commit = self._history.chain[step]
            other = pull_number_of(commit.message, self._gitlab)
            in_time = 0 < commit.time - pull.submission.time < _SUCCESSION_SECONDS
            if in_time and other not in (None, pull.number):
                return commit
        return None


def trees_around_landing(clone: Clone, history: History, landing: Landing) -> tuple[str, str]:
    """Return main's trees before and after the landing's steps."""
    return trees_around_step(clone, history, landing.first)[0], history.chain[landing.last].tree


def _addresses_of(commit: Commit) -> Iterator[str]:
    addresses = (commit.author_email, *(address for _, address in co_authors_in(commit.message)))
    yield from filter(None, addresses)  # two that give none are not the same person


def _subject_key(title: str) -> str:
    """Return a key that is equal for titles of the same work: equal but for case, or bumps of one dependency."""
    bump = _DEPENDENCY_BUMP.match(title)
    return f"bump {bump[1].casefold()}" if bump else " ".join(title.casefold().split())
