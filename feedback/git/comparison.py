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
    way: LandingCandidate | None
    """How the work came into main; None if it did not."""
    undoing: Revert | None
    same: dict[str, bool | None]
    """For each state of the pull request, by sha: whether it is what main got."""
    submitted: Diff | None = None
    merged: Diff | None = None
    revision: Diff | None = None
    rewritten: bool = False
    """Whether main was rewritten since and lost files that the pull request touched, so that the two do not compare."""


class CaseComparison:
    """Reads contents; one for a whole run, so that it knows the history."""

    def __init__(self, clone: Clone, history: History) -> None:
        self._clone, self._history = clone, history
        self._contents = PatchCache(clone, ())

    def findings(self, cases: Sequence[PullCase]) -> list[CaseFinding]:
        self._contents = PatchCache(self._clone, [pair for case in cases for pair in self._pairs(case)])
        self._contents.read(pair for case in cases for pair in self._needed(case))
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
        for way in case.ways:
            yield trees_around_landing(self._clone, self._history, way.landing)
            for parts in way.landing.parts:
                yield from map(self._commit_pair, parts)
            yield from (self._commit_pair(undoing.commit) for undoing in way.undoings if not undoing.certain)

    def _needed(self, case: PullCase) -> Iterator[TreePair]:
        """The pairs whose patches are shown, or decide something that the names of the files leave open."""
        yield self._pair(case, case.pull.submitted)
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
            reached = {commit.sha for commit in self._history.own(state.sha, self._history.step_of.get(state.sha))}
            part = [commit for commit in pull.own if commit.sha in reached]
            base = self._history.base(part) if part else base
        if base is None:
            return (state.tree if pull.cut_off else self._clone.empty_tree), state.tree
        return base.tree, state.tree

    def _commit_pair(self, commit: Commit) -> TreePair:
        return trees_around_commit(self._clone, self._history, commit)

    def _rewrite(self, case: PullCase) -> TreePair | None:
        """From the base to the commit of today's main that replaced it, where main was rewritten since."""
        base = case.pull.base
        new = self._history.replacement(base) if base else None
        return (base.tree, new.tree) if base and new else None

    # What they settle.

    def _find(self, case: PullCase) -> CaseFinding:
        way = next((way for way in case.ways if self._proved(case, way)), None)
        finding = CaseFinding(case, way, None, {})
        if not case.pull.cut_off:
            finding.submitted = self._contents[self._pair(case, case.pull.submitted)].diff
        if way is None or not way.own:
            return finding
        landed = self._contents[trees_around_landing(self._clone, self._history, way.landing)]
        inverse = {
            undoing.commit.sha: landed.undone_by(self._contents[self._commit_pair(undoing.commit)])
            for undoing in way.undoings
            if not undoing.certain
        }
        finding.undoing = pick_revert(way.undoings, inverse)
        finding.same = {state.sha: self._same(case, way.landing, landed, state) for state in _states_of(case)}
        finding.merged = self._joined(way.landing) if way.landing.parts else landed.diff
        if self._begins_before(way.landing):
            finding.merged, finding.same = None, dict.fromkeys(finding.same)
        if rewrite := self._rewrite(case):
            missing = self._contents[self._pair(case, case.pull.head)].paths - landed.paths
            finding.rewritten = not missing.isdisjoint(self._contents[rewrite].paths)
        return finding

    def _begins_before(self, landing: Landing) -> bool:
        """Whether a shallow clone ends right below the landing."""
        first = self._history.chain[landing.first]
        return bool(first.parents) and self._history.parent(first) is None

    def _proved(self, case: PullCase, way: LandingCandidate) -> bool:
        if way.proof == "settled":
            return True
        mine = self._contents[self._pair(case, case.pull.head)]
        theirs = self._contents[trees_around_landing(self._clone, self._history, way.landing)]
        if way.proof == "equal":
            return mine.same_as(theirs) is True
        if way.proof == "half":
            return mine.share_in(theirs, "+") >= 0.5
        if way.proof == "most":
            return mine.taken_over_by(theirs)
        return mine.share_in(theirs) == 1.0

    def _same(self, case: PullCase, landing: Landing, landed: TreeChange, state: Commit) -> bool | None:
        if case.pull.cut_off:
            return None
        if not landing.parts:
            return self._contents[self._pair(case, state)].same_as(landed)
        # Commits that landed apart are the same change if each of them is, and none is missing.
        if state.sha != case.pull.head.sha:
            return None
        each = [
            self._contents[self._commit_pair(here)].same_as(self._contents[self._commit_pair(there)])
            for here, there in landing.parts
        ]
        return landing.complete and (False if False in each else None if None in each else True)

    def _joined(self, landing: Landing) -> Diff | None:
        """The changes that landed apart, one after the other."""
        diffs = [self._contents[self._commit_pair(there)].diff for _, there in landing.parts]
        texts = [diff.text for diff in diffs if diff]
        if len(texts) < len(diffs):
            return None
        whole = Diff.limited("".join(texts))
        return Diff(text=whole.text, truncated=whole.truncated or any(diff.truncated for diff in diffs if diff))

    def _try_merging(self, findings: Sequence[CaseFinding]) -> None:
        """Where a state differs from what main got, ask git what merging it would have given: main may only have
        moved in the meantime. What still differs is the revision."""
        asked: list[tuple[CaseFinding, Commit, TreePair]] = []
        for finding in findings:
            pull, way = finding.case.pull, finding.way
            if not way or not way.own or way.landing.parts:
                continue
            landed = trees_around_landing(self._clone, self._history, way.landing)
            decided = True in finding.same.values()
            for state in _states_of(finding.case):
                # Where the head tells what main got, the first commit's patch is enough to tell it from that.
                minor = decided and state.sha not in (pull.submitted.sha, pull.before_people.sha, pull.head.sha)
                if finding.same[state.sha] is False and not minor:
                    asked.append((finding, state, landed))
        trees = self._clone.merged_trees(
            [(self._pair(finding.case, state)[0], before, state.tree) for finding, state, (before, _) in asked]
        )
        revisions: dict[TreePair, list[CaseFinding]] = {}
        for (finding, state, (_, after)), tree in zip(asked, trees, strict=True):
            if tree == after:
                finding.same[state.sha] = True
            elif tree and state is finding.case.pull.submitted:
                revisions.setdefault((tree, after), []).append(finding)
        contents = PatchCache(self._clone, revisions)
        contents.read(revisions)
        for pair, found in revisions.items():
            for finding in found:
                finding.revision = contents[pair].diff


def _states_of(case: PullCase) -> tuple[Commit, ...]:
    """The states of the pull request that are compared with what main got."""
    pull = case.pull
    return tuple({c.sha: c for c in (pull.submitted, pull.before_people, pull.head, pull.first)}.values())
