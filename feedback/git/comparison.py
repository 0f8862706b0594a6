"""Settles what a case leaves open by comparing contents.

Many cases share a handful of git processes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from feedback.git.cases import LandingCandidate, PullCase, trees_around_landing
from feedback.git.clone import Clone, Commit, TreePair
from feedback.git.history import History
from feedback.git.landing import Landing
from feedback.git.main_files import trees_around_commit
from feedback.git.patches import PatchCache, TreeChange
from feedback.git.reverts import Revert, pick_revert
from feedback.outcome import Diff


@dataclass(slots=True)
class CaseFinding:
    """What the contents settled about a case.

    A diff is None if the clone lacks contents.
    """

    case: PullCase
    landing_candidate: LandingCandidate | None
    """How the work landed; None if it did not."""
    revert: Revert | None
    is_same_by_sha: dict[str, bool | None]
    """By sha, for each state of the pull request: whether it is what main got; None if unknown."""
    submitted_diff: Diff | None = None
    merged_diff: Diff | None = None
    revision: Diff | None = None
    main_was_rewritten: bool = False
    """Whether main was rewritten since and lost files of the pull request, so that the two cannot be compared."""

    @property
    def landing(self) -> Landing | None:
        """How the pull request itself landed; None if it did not, or others did its work."""
        candidate = self.landing_candidate
        return candidate.landing if candidate and candidate.is_own_work else None


class CaseComparison:
    """Compares contents, batch after batch; one object serves a whole run."""

    def __init__(self, clone: Clone, history: History) -> None:
        self._clone, self._history = clone, history
        self._contents = PatchCache(clone, ())

    def compare(self, cases: Sequence[PullCase]) -> list[CaseFinding]:
        """Return what the contents settle about each case."""
        self._contents = PatchCache(self._clone, [pair for case in cases for pair in self._pairs(case)])
        self._contents.load(pair for case in cases for pair in self._pairs_to_load(case))
        findings = [self._find(case) for case in cases]
        self._try_merging(findings)
        return findings

    # What to read for a case.

    def _pairs(self, case: PullCase) -> Iterator[TreePair]:
        """Yield every pair of trees that may decide the case."""
        yield from (self._pair(case, state) for state in _states_of(case))
        if rewrite := self._rewritten_base(case):
            yield rewrite
        yield from self._landed_pairs(case)

    def _landed_pairs(self, case: PullCase) -> Iterator[TreePair]:
        for candidate in case.landing_candidates:
            yield trees_around_landing(self._clone, self._history, candidate.landing)
            for parts in candidate.landing.parts:
                yield from map(self._commit_pair, parts)
            yield from (self._commit_pair(revert.commit) for revert in candidate.reverts if not revert.is_certain)

    def _pairs_to_load(self, case: PullCase) -> Iterator[TreePair]:
        """Yield the pairs whose patches are shown, or decide what file names and blobs leave open."""
        yield self._pair(case, case.pull.submission)
        landed = list(self._landed_pairs(case))
        yield from landed
        for state in _states_of(case):
            mine = self._contents[self._pair(case, state)]
            others = map(self._contents.__getitem__, landed)
            if any(other.paths >= mine.paths and other.files != mine.files for other in others):
                yield self._pair(case, state)

    def _pair(self, case: PullCase, state: Commit) -> TreePair:
        """Return the trees of main as last merged into this state of the pull request, and of the state."""
        pull = case.pull
        base = pull.base
        if state.sha != pull.head.sha:
            reached = {
                commit.sha for commit in self._history.own_commits(state.sha, self._history.step_of.get(state.sha))
            }
            part = [commit for commit in pull.commits if commit.sha in reached]
            base = self._history.base_of(part) if part else base
        if base is None:
            return (state.tree if pull.is_cut_off else self._clone.empty_tree), state.tree
        return base.tree, state.tree

    def _commit_pair(self, commit: Commit) -> TreePair:
        return trees_around_commit(self._clone, self._history, commit)

    def _rewritten_base(self, case: PullCase) -> TreePair | None:
        """Return the trees of the base and of its replacement, if main was rewritten since."""
        base = case.pull.base
        new = self._history.replacement_for(base) if base else None
        return (base.tree, new.tree) if base and new else None

    # What the contents settle.

    def _find(self, case: PullCase) -> CaseFinding:
        candidate = next((candidate for candidate in case.landing_candidates if self._is_proved(case, candidate)), None)
        finding = CaseFinding(case, candidate, None, {})
        if not case.pull.is_cut_off:
            finding.submitted_diff = self._contents[self._pair(case, case.pull.submission)].diff
        if candidate is None or not candidate.is_own_work:
            return finding
        landed = self._contents[trees_around_landing(self._clone, self._history, candidate.landing)]
        inverse = {
            revert.commit.sha: landed.is_undone_by(self._contents[self._commit_pair(revert.commit)])
            for revert in candidate.reverts
            if not revert.is_certain
        }
        finding.revert = pick_revert(candidate.reverts, inverse)
        finding.is_same_by_sha = {
            state.sha: self._is_same(case, candidate.landing, landed, state) for state in _states_of(case)
        }
        finding.merged_diff = self._join_diffs(candidate.landing) if candidate.landing.parts else landed.diff
        if self._lacks_parent(candidate.landing):
            finding.merged_diff, finding.is_same_by_sha = None, dict.fromkeys(finding.is_same_by_sha)
        if rewrite := self._rewritten_base(case):
            missing = self._contents[self._pair(case, case.pull.head)].paths - landed.paths
            finding.main_was_rewritten = not missing.isdisjoint(self._contents[rewrite].paths)
        return finding

    def _lacks_parent(self, landing: Landing) -> bool:
        """Whether a shallow clone ends just before the landing."""
        first = self._history.chain[landing.first]
        return bool(first.parents) and self._history.parent_of(first) is None

    def _is_proved(self, case: PullCase, candidate: LandingCandidate) -> bool:
        if candidate.proof == "settled":
            return True
        mine = self._contents[self._pair(case, case.pull.head)]
        theirs = self._contents[trees_around_landing(self._clone, self._history, candidate.landing)]
        if candidate.proof == "equal":
            return mine.is_same_as(theirs) is True
        if candidate.proof == "half":
            return mine.share_in(theirs, "+") >= 0.5
        if candidate.proof == "most":
            return mine.is_taken_over_by(theirs)
        return mine.share_in(theirs) == 1.0

    def _is_same(self, case: PullCase, landing: Landing, landed: TreeChange, state: Commit) -> bool | None:
        if case.pull.is_cut_off:
            return None
        if not landing.parts:
            return self._contents[self._pair(case, state)].is_same_as(landed)
        # Commits that landed separately are the same change if each one is and none is missing.
        if state.sha != case.pull.head.sha:
            return None
        each = [
            self._contents[self._commit_pair(here)].is_same_as(self._contents[self._commit_pair(there)])
            for here, there in landing.parts
        ]
        return landing.is_complete and (False if False in each else None if None in each else True)

    def _join_diffs(self, landing: Landing) -> Diff | None:
        """Return the diffs of commits that landed separately, one after the other."""
        diffs = [self._contents[self._commit_pair(there)].diff for _, there in landing.parts]
        texts = [diff.text for diff in diffs if diff]
        if len(texts) < len(diffs):
            return None
        whole = Diff.from_text("".join(texts))
        return Diff(text=whole.text, truncated=whole.truncated or any(diff.truncated for diff in diffs if diff))

    def _try_merging(self, findings: Sequence[CaseFinding]) -> None:
        """Ask git what merging would have produced wherever a state differs from what main got.

        The difference may be only that main has moved on. What still differs is the revision.
        """
        trials: list[tuple[CaseFinding, Commit, TreePair]] = []
        for finding in findings:
            pull, candidate = finding.case.pull, finding.landing_candidate
            if not candidate or not candidate.is_own_work or candidate.landing.parts:
                continue
            landed = trees_around_landing(self._clone, self._history, candidate.landing)
            decided = True in finding.is_same_by_sha.values()
            for state in _states_of(finding.case):
                # Once another state is known to be what main got, the first commit needs no trial merge.
                minor = decided and state.sha not in (pull.submission.sha, pull.before_people.sha, pull.head.sha)
                if finding.is_same_by_sha[state.sha] is False and not minor:
                    trials.append((finding, state, landed))
        trees = self._clone.merge_trees(
            [(self._pair(finding.case, state)[0], before, state.tree) for finding, state, (before, _) in trials]
        )
        revisions: dict[TreePair, list[CaseFinding]] = {}
        for (finding, state, (_, after)), tree in zip(trials, trees, strict=True):
            if tree == after:
                finding.is_same_by_sha[state.sha] = True
            elif tree and state is finding.case.pull.submission:
                revisions.setdefault((tree, after), []).append(finding)
        contents = PatchCache(self._clone, revisions)
        contents.load(revisions)
        for pair, found in revisions.items():
            for finding in found:
                finding.revision = contents[pair].diff


def _states_of(case: PullCase) -> tuple[Commit, ...]:
    """Return the states of the pull request that are compared with what main got."""
    pull = case.pull
    return tuple({c.sha: c for c in (pull.submission, pull.before_people, pull.head, pull.first)}.values())
