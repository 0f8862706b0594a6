"""The source that needs only a clone.

It reads the heads of pull requests, and how their commits relate to main.

    source = PlainGit(clone, AgentIdentity(authors=("*[bot]",)))
    for outcome in source.outcomes(cursor):
        store(outcome, source.cursor)

The clone needs the heads of the pull requests: `git fetch origin '+refs/pull/*/head:refs/pull/*/head'` (GitHub) or
`'+refs/merge-requests/*/head:refs/merge-requests/*/head'` (GitLab). Nothing is written to the clone, and the network is
not used.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from feedback.git.agent_pulls import find_agent_pulls, find_pull_heads
from feedback.git.cases import CASE_FORMAT, CaseBuilder, PullCase
from feedback.git.clone import Clone, open_clone
from feedback.git.comparison import CaseComparison, CaseFinding
from feedback.git.git_outcome import outcome_of_case
from feedback.git.history import History
from feedback.git.main_index import MainIndex
from feedback.identity import AgentIdentity
from feedback.outcome import Outcome
from feedback.problems import FeedbackError, Problem
from feedback.source import Cursor, check_cursor

_CASES_AT_ONCE = 200
"""Cases whose contents are in memory at the same time."""
_DIGEST_CHARS = 16
"""The cursor keeps this much of a fingerprint and of an outcome's digest, one after the other."""
_MAIN_REFS = ("refs/heads/main", "refs/heads/master", "refs/remotes/origin/main", "refs/remotes/origin/master")
_REMOTE_ADDRESS = re.compile(r"^(?:\w+://(?:[^/@]*@)?|[^/@]+@)([\w.-]+)(?::\d+)?[:/](.+?)(?:\.git)?/*$")


def has_pulls(path: Path | str) -> bool:
    """Whether `path` is a clone that has the heads of pull requests."""
    try:
        with open_clone(Path(path)) as clone:
            return bool(find_pull_heads(clone.refs())[0])
    except FeedbackError:
        return False


class PlainGit:
    """The clone at `path`, with the agent known by `identity`. A `FeedbackSource`.

    Outcomes carry the name `repository` (default: from the remote's address, else the folder's name). Pull requests
    are merged into the branch `main` (default: the remote's default branch, else HEAD, main or master). Git does not
    know whether a pull request is open: one that is not merged counts as open until main has a commit that is
    `open_days` newer than its head.
    """

    def __init__(
        self,
        path: Path | str,
        identity: AgentIdentity,
        *,
        repository: str | None = None,
        main: str | None = None,
        open_days: int = 30,
    ) -> None:
        self._path = Path(path)
        self._identity, self._main, self._open_days = identity, main, open_days
        self._repository = repository
        self.problems: list[Problem] = []
        self._position: str | None = None
        self._seen: dict[str, str] | None = None

    @property
    def name(self) -> str:
        return f"git:{self._path.resolve()}"

    @property
    def cursor(self) -> Cursor | None:
        if self._seen is None:
            return None
        return Cursor(source=self.name, position=self._position, seen=self._seen)

    def outcomes(self, since: Cursor | None = None) -> Iterator[Outcome]:
        """Yield outcomes that are new or have changed, by number.

        Raises `FeedbackError` if the clone cannot be read.
        """
        check_cursor(since, self.name)
        self.problems = []
        before = dict(since.seen) if since else {}
        self._position, self._seen = None, dict(before)
        with open_clone(self._path) as clone:
            refs = clone.refs()
            heads, gitlab = find_pull_heads(refs)
            if not heads:
                raise FeedbackError(
                    f"{self._path} has no pull requests: no ref matches refs/pull/*/head. Fetch them with"
                    " `git fetch origin '+refs/pull/*/head:refs/pull/*/head'` (on GitLab: merge-requests, not pull)."
                )
            main, tip = self._find_main(clone, refs)
            url = clone.remote_url()
            repository = self._repository or _repository_name_of(url) or _directory_name_of(self._path)
            facts = [CASE_FORMAT, repository, main, refs, self._identity.model_dump(), self._open_days]
            position = hashlib.sha256(repr(facts).encode()).hexdigest()[:16]
            if since is None or since.position != position:
                branches = [sha for name, (sha, _) in refs.items() if name.startswith(("refs/heads/", "refs/remotes/"))]
                history = self._read_history(clone, tip, [*branches, *heads.values()])
                unread = (number for number, sha in heads.items() if sha not in history.commits)
                self._set_aside(repository, unread, "its commits")
                index = MainIndex(history, gitlab)
                pulls = list(find_agent_pulls(heads, index, self._identity))
                cases = list(CaseBuilder(clone, history, index, gitlab, self._open_days).build(pulls))
                read = {case.pull.number for case in cases}
                self._set_aside(repository, (p.number for p in pulls if p.number not in read), "its files")
                for finding in self._compare(clone, history, cases, before, repository):
                    yield from self._changed_outcome(finding, repository, _pulls_url_of(url, gitlab))
            self._position = position

    def _compare(
        self, clone: Clone, history: History, cases: list[PullCase], before: Mapping[str, str], repository: str
    ) -> Iterator[CaseFinding]:
        """Yield what is found about each case whose fingerprint has changed since the cursor."""
        keys = {f"{repository}#{case.pull.number}": case for case in cases}
        self._seen = {key: seen for key, seen in before.items() if key in keys}
        changed = [c for key, c in keys.items() if before.get(key, "")[:_DIGEST_CHARS] != c.fingerprint]
        comparison = CaseComparison(clone, history)
        for start in range(0, len(changed), _CASES_AT_ONCE):
            yield from self._compare_each(comparison, changed[start : start + _CASES_AT_ONCE], repository)

    def _compare_each(
        self, comparison: CaseComparison, cases: Sequence[PullCase], repository: str
    ) -> Iterator[CaseFinding]:
        """Yield what is found about each case; one that cannot be compared is set aside, and keeps no other back."""
        try:
            yield from comparison.compare(cases)
        except FeedbackError as error:
            if len(cases) == 1:
                self.problems.append(Problem(f"{repository}#{cases[0].pull.number}", str(error)))
                return
            half = len(cases) // 2
            yield from self._compare_each(comparison, cases[:half], repository)
            yield from self._compare_each(comparison, cases[half:], repository)

    @staticmethod
    def _read_history(clone: Clone, tip: str, others: Sequence[str]) -> History:
        """Read all commits; without those that git cannot read to their beginnings, if there are such."""
        try:
            return History(clone.commits([tip, *others]), tip)
        except FeedbackError:
            return History(clone.commits([tip, *clone.readable_tips(others)]), tip)

    def _set_aside(self, repository: str, numbers: Iterable[int], what: str) -> None:
        text = f"git cannot read {what}; fetch it again, or run `git fsck`"
        self.problems += [Problem(f"{repository}#{number}", text) for number in numbers]

    def _changed_outcome(self, finding: CaseFinding, repository: str, pulls_url: str | None) -> Iterator[Outcome]:
        """Yield the outcome of a finding, unless it is as the cursor has it."""
        assert self._seen is not None
        outcome = outcome_of_case(finding, repository, pulls_url, self._identity)
        digest = outcome.digest[:_DIGEST_CHARS]
        if self._seen.get(outcome.key, "")[_DIGEST_CHARS:] != digest:
            yield outcome
        self._seen[outcome.key] = finding.case.fingerprint + digest

    def _find_main(self, clone: Clone, refs: Mapping[str, tuple[str, str]]) -> tuple[str, str]:
        """Return the main branch's ref and its newest commit."""
        if self._main:
            names = [
                self._main,
                f"refs/heads/{self._main}",
                f"refs/remotes/{self._main}",
                f"refs/remotes/origin/{self._main}",
            ]
        else:
            names = [refs.get("refs/remotes/origin/HEAD", ("", ""))[1]]
            names += (
                [*_MAIN_REFS, clone.head() or ""]
                if refs.keys() & set(_MAIN_REFS[2:])
                else [clone.head() or "", *_MAIN_REFS]
            )
        for name in names:
            if name in refs:
                return self._follow_remote(clone, refs, name)
        raise FeedbackError(
            f"{self._path} has no branch {self._main or 'main or master'}. Name the branch that pull requests are"
            " merged into."
        )

    def _follow_remote(self, clone: Clone, refs: Mapping[str, tuple[str, str]], name: str) -> tuple[str, str]:
        """Return what a branch follows where it lacks commits of that, and say so; otherwise the branch itself."""
        tip = refs[name][0]
        upstream = clone.upstream_of(name) if name.startswith("refs/heads/") else ""
        if upstream not in refs or clone.contains(tip, refs[upstream][0]):
            return name, tip
        text = f"{_short(name)} lacks commits of {_short(upstream)}, so the latter is read"
        self.problems.append(Problem(str(self._path), text, is_kept=True))
        return upstream, refs[upstream][0]


def _short(ref: str) -> str:
    return ref.removeprefix("refs/heads/").removeprefix("refs/remotes/")


def _repository_name_of(url: str | None) -> str | None:
    """Return `owner/name` from a remote's address."""
    found = _REMOTE_ADDRESS.match(url) if url else None
    return found[2].strip("/") if found else None


def _directory_name_of(path: Path) -> str:
    path = path.resolve()
    return (path.parent if path.name in (".git", "repo") else path).name.removesuffix(".git") or "repository"


def _pulls_url_of(url: str | None, gitlab: bool) -> str | None:
    """Return the web address of the pull requests, without number and without credentials."""
    found = _REMOTE_ADDRESS.match(url) if url else None
    if not found:
        return None
    return f"https://{found[1]}/{found[2].strip('/')}/{'-/merge_requests' if gitlab else 'pull'}"
