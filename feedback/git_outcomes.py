"""From a case to its outcome: contents are read and compared here, a batch of cases at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from feedback.causes import assign_cause
from feedback.git_cases import Case, Way, changed_trees
from feedback.git_changes import Contents
from feedback.git_clone import Clone, Commit, Pair
from feedback.git_evidence import commit_evidence, evidence_of
from feedback.git_history import History
from feedback.git_landing import Landing
from feedback.git_messages import title_of, without_number
from feedback.git_reverts import Undoing, undone_by
from feedback.identity import AgentIdentity
from feedback.records import MAX_DIFF, Cause, CauseBy, Diff, Evidence, Kind, Outcome


@dataclass(slots=True)
class Finding:
    """What reading the contents settled about a case."""

    case: Case
    way: Way | None
    undoing: Undoing | None
    same: dict[str, bool | None]
    """For each state of the pull request, by sha: whether it is what main got."""
    revision: Diff | None = None


class Reader:
    """Reads the contents that a batch of cases needs, in a handful of git processes."""

    def __init__(
        self, clone: Clone, history: History, repository: str, url: str | None, identity: AgentIdentity
    ) -> None:
        self._clone, self._history = clone, history
        self._repository, self._url, self._identity = repository, url, identity
        self._contents = Contents(clone, ())

    def outcomes(self, cases: Sequence[Case]) -> Iterator[Outcome]:
        self._contents = Contents(self._clone, [pair for case in cases for pair in self._pairs(case)])
        self._contents.read(pair for case in cases for pair in self._needed(case))
        findings = [self._find(case) for case in cases]
        self._merge(findings)
        for finding in findings:
            yield self._outcome(finding)

    # Which contents a case needs.

    def _pairs(self, case: Case, states: bool = True) -> Iterator[Pair]:
        if states:
            yield from (self._pair(case, state) for state in self._states(case))
            if rewrite := self._rewrite(case):
                yield rewrite
        for way in case.ways:
            yield self._landed_pair(way.landing)
            for parts in way.landing.parts:
                yield from map(self._commit_pair, parts)
            yield from (self._commit_pair(undoing.commit) for undoing in way.undoings if not undoing.certain)

    def _needed(self, case: Case) -> Iterator[Pair]:
        """The pairs whose patches are shown, or decide something that the names of the files leave open."""
        yield self._pair(case, case.pull.submitted)
        landed = {self._landed_pair(way.landing) for way in case.ways}
        shown = [self._contents[pair] for pair in landed]
        for state in self._states(case):
            pair = self._pair(case, state)
            paths = self._contents[pair].paths
            if any(other.paths >= paths and other.files != self._contents[pair].files for other in shown):
                yield pair
        yield from landed
        yield from self._pairs(case, states=False)

    def _states(self, case: Case) -> tuple[Commit, ...]:
        pull = case.pull
        return tuple({c.sha: c for c in (pull.submitted, pull.before_people, pull.head, pull.first)}.values())

    def _base(self, case: Case, state: Commit) -> str:
        """The tree that a state of the pull request started from: main as last merged into it."""
        pull = case.pull
        if state.sha != pull.head.sha:
            reached = {commit.sha for commit in self._history.own(state.sha, self._history.step_of.get(state.sha))}
            part = [commit for commit in pull.own if commit.sha in reached]
            base = self._history.base(part) if part else pull.base
        else:
            base = pull.base
        return base.tree if base else self._clone.empty_tree

    def _pair(self, case: Case, state: Commit) -> Pair:
        return self._base(case, state), state.tree

    def _commit_pair(self, commit: Commit) -> Pair:
        parent = self._history.parent(commit)
        return parent.tree if parent else self._clone.empty_tree, commit.tree

    def _landed_pair(self, landing: Landing) -> Pair:
        return changed_trees(self._clone, self._history, landing)

    # What they settle.

    def _find(self, case: Case) -> Finding:
        way = next((way for way in case.ways if self._proved(case, way)), None)
        if way is None or not way.own:
            return Finding(case, way, None, {})
        landed = self._contents[self._landed_pair(way.landing)]
        inverse = {
            undoing.commit.sha: landed.undone_by(self._contents[self._commit_pair(undoing.commit)])
            for undoing in way.undoings
            if not undoing.certain
        }
        same: dict[str, bool | None] = {}
        for state in self._states(case):
            if way.landing.parts:
                same[state.sha] = self._same_parts(case, way.landing) if state.sha == case.pull.head.sha else None
            else:
                same[state.sha] = self._contents[self._pair(case, state)].same_as(landed)
        return Finding(case, way, undone_by(way.undoings, inverse), same)

    def _proved(self, case: Case, way: Way) -> bool:
        if way.proof == "settled":
            return True
        mine = self._contents[self._pair(case, case.pull.head)]
        theirs = self._contents[self._landed_pair(way.landing)]
        if way.proof == "equal":
            return mine.same_as(theirs) is True
        return mine.share_in(theirs) >= (0.5 if way.landing.how == "closes" else 1.0)

    def _same_parts(self, case: Case, landing: Landing) -> bool | None:
        """Commits that landed apart are the same change if each of them is, and none is missing."""
        if not landing.complete:
            return False
        each = [
            self._contents[self._commit_pair(here)].same_as(self._contents[self._commit_pair(there)])
            for here, there in landing.parts
        ]
        return None if None in each else all(each)

    def _merge(self, findings: Sequence[Finding]) -> None:
        """Where a state differs from what main got, ask git what merging it would have given: main may only have
        moved in the meantime. What still differs is the revision."""
        asked: list[tuple[Finding, Commit, Pair]] = []
        for finding in findings:
            if not finding.way or not finding.way.own or finding.way.landing.parts:
                continue
            landed = self._landed_pair(finding.way.landing)
            pull = finding.case.pull
            decided = True in finding.same.values()
            for state in self._states(finding.case):
                # Where the head tells what main got, the first commit's patch is enough to tell it from that.
                minor = decided and state.sha not in (pull.submitted.sha, pull.before_people.sha, pull.head.sha)
                if finding.same[state.sha] is False and not minor:
                    asked.append((finding, state, landed))
        trees = self._clone.merged_trees(
            [(self._base(finding.case, state), before, state.tree) for finding, state, (before, _) in asked]
        )
        revisions: dict[Pair, list[Finding]] = {}
        for (finding, state, (_, after)), tree in zip(asked, trees, strict=True):
            if tree == after:
                finding.same[state.sha] = True
            elif state is finding.case.pull.submitted:
                # Without a merge, the plain difference of the trees also holds what main did in the meantime.
                revisions.setdefault((tree or state.tree, after), []).append(finding)
        contents = Contents(self._clone, revisions)
        contents.read(revisions)
        for pair, found in revisions.items():
            for finding in found:
                finding.revision = contents[pair].diff

    # The record.

    def _outcome(self, finding: Finding) -> Outcome:
        case, way = finding.case, finding.way
        pull = case.pull
        landing = way.landing if way and way.own else None
        kind = self._kind(finding)
        unknown = ["opened_at", "author", "words"]
        submitted = self._contents[self._pair(case, pull.submitted)].diff
        merged = self._merged_diff(landing) if landing else None
        closed_at = None
        if landing:
            closed_at = landing.commit.time
            title = title_of(landing.commit)
        else:
            title = without_number(pull.first.subject)
            unknown.append("title")
            closed_at = case.closing[0].time if case.closing else None
            if closed_at is None and kind is not Kind.OPEN:
                unknown.append("closed_at")
            if not case.closing and not way:
                unknown.append("kind")
        revision = finding.revision
        if kind is Kind.UNKNOWN:
            unknown.append("kind")
            revision = None
        if landing and finding.same.get(pull.submitted.sha):
            revision = Diff()
        lacking = {"submitted_diff": submitted, "url": self._url}
        if not pull.base_known:
            unknown.append("base_sha")
        if landing:
            lacking |= {"merged_diff": merged, "revision": revision}
        unknown += [name for name, value in lacking.items() if value is None]
        outcome = Outcome(
            repository=self._repository,
            number=pull.number,
            title=title,
            url=f"{self._url}/{pull.number}" if self._url else None,
            kind=kind,
            submitted_at=_when(pull.submitted.time),
            closed_at=_when(closed_at) if closed_at else None,
            agent=pull.agent,
            recognised_by=pull.recognised_by,
            version=pull.version or (self._identity.version(landing.commit.message) if landing else None),
            base_sha=pull.base.sha if pull.base and pull.base_known else None,
            first_sha=pull.first.sha,
            submitted_sha=pull.submitted.sha,
            head_sha=pull.head.sha,
            merged_sha=landing.commit.sha if landing else None,
            same_as_first=finding.same.get(pull.first.sha),
            same_as_head=finding.same.get(pull.head.sha),
            submitted_diff=submitted,
            merged_diff=merged,
            revision=revision,
            evidence=tuple(evidence_of(case, way, finding.undoing)),
            unknown_fields=tuple(sorted(set(unknown))),
        )
        cause = _overtaken(case, way)
        return outcome.with_cause(*cause) if cause else assign_cause(outcome)

    def _kind(self, finding: Finding) -> Kind:
        case, way = finding.case, finding.way
        if way and way.own:
            if finding.undoing:
                return Kind.REVERTED
            # Main got what the agent had submitted, or that with what bots added to it.
            states = (case.pull.submitted, case.pull.before_people)
            same = _either([finding.same.get(state.sha) for state in states])
            if same is False and self._was_rewritten(case, way.landing):
                return Kind.UNKNOWN
            if same is None and way.landing.parts and not case.pull.by_people:
                same = finding.same.get(case.pull.head.sha)
            if same is None:
                # Contents are missing from the clone. A merge of the agent's own head needs none.
                untouched = way.landing.how in ("merge", "in-main") and not case.pull.by_people
                in_main = case.pull.head.sha in self._history.step_of
                return Kind.MERGED if untouched and in_main else Kind.UNKNOWN
            return Kind.MERGED if same else Kind.REVISED
        if case.closing or way:
            return Kind.REJECTED
        return Kind.OPEN if case.young else Kind.REJECTED

    def _was_rewritten(self, case: Case, landing: Landing) -> bool:
        """Whether main was rewritten since, and lost files that the pull request touched: they cannot be compared."""
        rewrite = self._rewrite(case)
        if not rewrite:
            return False
        missing = (
            self._contents[self._pair(case, case.pull.head)].paths - self._contents[self._landed_pair(landing)].paths
        )
        return not missing.isdisjoint(self._contents[rewrite].paths)

    def _rewrite(self, case: Case) -> Pair | None:
        """From the base to the commit of today's main that replaced it, where main was rewritten since."""
        base = case.pull.base
        twin = self._history.twins.get(base.sha) if base else None
        return (base.tree, self._history.commits[twin].tree) if base and twin else None

    def _merged_diff(self, landing: Landing) -> Diff | None:
        if not landing.parts:
            return self._contents[self._landed_pair(landing)].diff
        diffs = [self._contents[self._commit_pair(there)].diff for _, there in landing.parts]
        if any(diff is None for diff in diffs):
            return None
        text = "".join(diff.text for diff in diffs if diff)
        limited = Diff.limited(text, MAX_DIFF)
        return limited if limited.truncated else Diff(text=text, truncated=any(d.truncated for d in diffs if d))


def _either(answers: Sequence[bool | None]) -> bool | None:
    return True if True in answers else None if None in answers else False


def _overtaken(case: Case, way: Way | None) -> tuple[Cause, CauseBy, tuple[Evidence, ...]] | None:
    """Git itself shows one cause: the same work came in some other way."""
    commit = way.landing.commit if way and not way.own else None
    if commit is None and not way:
        commit = case.overtaken_by or case.successor
    if commit is None:
        return None
    return Cause.SUPERSEDED, "rule", (commit_evidence("superseded", commit),)


def _when(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
