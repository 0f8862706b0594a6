"""What a case leaves open is settled here by reading contents, a batch of cases in a handful of git processes."""

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
    """What reading the contents settled about a case. Diffs are None where the clone lacks contents."""

    case: PullCase
    landing_candidate: LandingCandidate | None
    """How the work came into main; None if it did not."""
    revert: Revert | None
    is_same_by_sha: dict[str, bool | None]
    """For each state of the pull request, by sha: whether it is what main got."""
    submitted_diff: Diff | None = None
    merged_diff: Diff | None = None
    revision: Diff | None = None
    main_was_rewritten: bool = False
    """Whether main was rewritten since and lost files that the pull request touched, so that the two do not compare."""


class CaseComparison:
    """Reads contents; one for a whole run, so that it knows the history."""

    def __init__(self, clone: Clone, history: History) -> None:
        self._clone, self._history = clone, history
        self._contents = PatchCache(clone, ())

    def compare(self, cases: Sequence[PullCase]) -> list[CaseFinding]:
        self._contents = PatchCache(self._clone, [pair for case in cases for pair in self._pairs(case)])
        self._contents.load(pair for case in cases for pair in self._needed(case))
        findings = [self._find(case) for case in cases]
        self._try_merging(findings)
        return findings

    # Which contents a case needs.

    def _pairs(self, case: PullCase) -> Iterator[TreePair]:
        """Every pair of trees that the case may turn on."""
        yield from (self._pair(case, state) for state in _states_of(case))
        if rewrite := self._rewrite(case):
            yield rewrite
        yield from self._landed_pairs(case)

    def _landed_pairs(self, case: PullCase) -> Iterator[TreePair]:
        for way in case.landing_candidates:
            yield trees_around_landing(self._clone, self._history, way.landing)
            for parts in way.landing.parts:
                yield from map(self._commit_pair, parts)
            yield from (self._commit_pair(undoing.commit) for undoing in way.reverts if not undoing.is_certain)

    def _needed(self, case: PullCase) -> Iterator[TreePair]:
        """The pairs whose patches are shown, or decide something that the names of the files leave open."""
        yield self._pair(case, case.pull.submission)
        landed = list(self._landed_pairs(case))
        yield from landed
        for state in _states_of(case):
            mine = self._contents[self._pair(case, state)]
            others = map(self._contents.__getitem__, landed)
            if any(other.paths >= mine.paths and other.files != mine.files for other in others):
                yield self._pair(case, state)

    def _pair(self, case: PullCase, state: Commit) -> TreePair:
        """From main as last merged into this state of the pull request, to the state."""
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

    def _rewrite(self, case: PullCase) -> TreePair | None:
        """From the base to the commit of today's main that replaced it, where main was rewritten since."""
        base = case.pull.base
        new = self._history.replacement_for(base) if base else None
        return (base.tree, new.tree) if base and new else None

    # What they settle.

    def _find(self, case: PullCase) -> CaseFinding:
        way = next((way for way in case.landing_candidates if self._proved(case, way)), None)
        finding = CaseFinding(case, way, None, {})
        if not case.pull.is_cut_off:
            finding.submitted_diff = self._contents[self._pair(case, case.pull.submission)].diff
        if way is None or not way.is_own_work:
            return finding
        landed = self._contents[trees_around_landing(self._clone, self._history, way.landing)]
        inverse = {
            undoing.commit.sha: landed.is_undone_by(self._contents[self._commit_pair(undoing.commit)])
            for undoing in way.reverts
            if not undoing.is_certain
        }
        finding.revert = pick_revert(way.reverts, inverse)
        finding.is_same_by_sha = {state.sha: self._same(case, way.landing, landed, state) for state in _states_of(case)}
        finding.merged_diff = self._joined(way.landing) if way.landing.parts else landed.diff
        if self._begins_before(way.landing):
            finding.merged_diff, finding.is_same_by_sha = None, dict.fromkeys(finding.is_same_by_sha)
        if rewrite := self._rewrite(case):
            missing = self._contents[self._pair(case, case.pull.head)].paths - landed.paths
            finding.main_was_rewritten = not missing.isdisjoint(self._contents[rewrite].paths)
        return finding

    def _begins_before(self, landing: Landing) -> bool:
        """Whether a shallow clone ends right below the landing."""
        first = self._history.chain[landing.first]
        return bool(first.parents) and self._history.parent_of(first) is None

    def _proved(self, case: PullCase, way: LandingCandidate) -> bool:
        if way.proof == "settled":
            return True
        mine = self._contents[self._pair(case, case.pull.head)]
        theirs = self._contents[trees_around_landing(self._clone, self._history, way.landing)]
        if way.proof == "equal":
            return mine.is_same_as(theirs) is True
        if way.proof == "half":
            return mine.share_in(theirs, "+") >= 0.5
        if way.proof == "most":
            return mine.is_taken_over_by(theirs)
        return mine.share_in(theirs) == 1.0

    def _same(self, case: PullCase, landing: Landing, landed: TreeChange, state: Commit) -> bool | None:
        if case.pull.is_cut_off:
            return None
        if not landing.parts:
            return self._contents[self._pair(case, state)].is_same_as(landed)
        # Commits that landed apart are the same change if each of them is, and none is missing.
        if state.sha != case.pull.head.sha:
            return None
        each = [
            self._contents[self._commit_pair(here)].is_same_as(self._contents[self._commit_pair(there)])
            for here, there in landing.parts
        ]
        return landing.is_complete and (False if False in each else None if None in each else True)

    def _joined(self, landing: Landing) -> Diff | None:
        """The changes that landed apart, one after the other."""
        diffs = [self._contents[self._commit_pair(there)].diff for _, there in landing.parts]
        texts = [diff.text for diff in diffs if diff]
        if len(texts) < len(diffs):
            return None
        whole = Diff.from_text("".join(texts))
        return Diff(text=whole.text, truncated=whole.truncated or any(diff.truncated for diff in diffs if diff))

    def _try_merging(self, findings: Sequence[CaseFinding]) -> None:
        """Where a state differs from what main got, ask git what merging it would have given: main may only have
        moved in the meantime. What still differs is the revision."""
        asked: list[tuple[CaseFinding, Commit, TreePair]] = []
        for finding in findings:
            pull, way = finding.case.pull, finding.landing_candidate
            if not way or not way.is_own_work or way.landing.parts:
                continue
            landed = trees_around_landing(self._clone, self._history, way.landing)
            decided = True in finding.is_same_by_sha.values()
            for state in _states_of(finding.case):
                # Where the head tells what main got, the first commit's patch is enough to tell it from that.
                minor = decided and state.sha not in (pull.submission.sha, pull.before_people.sha, pull.head.sha)
                if finding.is_same_by_sha[state.sha] is False and not minor:
                    asked.append((finding, state, landed))
        trees = self._clone.merge_trees(
            [(self._pair(finding.case, state)[0], before, state.tree) for finding, state, (before, _) in asked]
        )
        revisions: dict[TreePair, list[CaseFinding]] = {}
        for (finding, state, (_, after)), tree in zip(asked, trees, strict=True):
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
    """The states of the pull request that are compared with what main got."""
    pull = case.pull
    return tuple({c.sha: c for c in (pull.submission, pull.before_people, pull.head, pull.first)}.values())
