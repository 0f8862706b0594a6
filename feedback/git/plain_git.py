"""Outcomes from a clone alone: pull refs, and how their commits relate to main.

    source = PlainGit(clone, AgentIdentity(authors=("*[bot]",)))
    for outcome in source.outcomes(cursor):
        store(outcome, source.cursor)

The clone needs the pull requests' heads: `git fetch origin '+refs/pull/*/head:refs/pull/*/head'` (GitHub) or
`'+refs/merge-requests/*/head:refs/merge-requests/*/head'` (GitLab). Nothing is written to it, and no network is used.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from feedback.git.agent_pulls import find_agent_pulls, find_pull_heads
from feedback.git.cases import CASE_FORMAT, CaseBuilder
from feedback.git.clone import Clone, open_clone
from feedback.git.comparison import CaseComparison
from feedback.git.git_outcome import outcome_of_case
from feedback.git.history import History
from feedback.git.main_index import MainIndex
from feedback.identity import AgentIdentity
from feedback.outcome import Outcome
from feedback.problems import FeedbackError
from feedback.source import Cursor, check_cursor

_CASES_AT_ONCE = 200
"""Cases whose contents are in memory at once."""
_MAIN_REFS = ("refs/heads/main", "refs/heads/master", "refs/remotes/origin/main", "refs/remotes/origin/master")
_REMOTE_ADDRESS = re.compile(r"^(?:\w+://(?:[^/@]*@)?|[^/@]+@)([\w.-]+)(?::\d+)?[:/](.+?)(?:\.git)?/*$")


def has_pulls(path: Path | str) -> bool:
    """Whether there is a clone at `path` that has pull requests' heads."""
    try:
        with open_clone(Path(path)) as clone:
            return bool(find_pull_heads(clone.refs())[0])
    except FeedbackError:
        return False


class PlainGit:
    """The clone at `path`, with the agent known by `identity`. A `FeedbackSource`.

    `repository` is the name that outcomes carry (default: from the remote's address, else the directory's name),
    `main` the branch that pull requests are merged into (default: the remote's default branch, else HEAD, main or
    master). An unmerged pull request counts as open while its head is younger than `open_days` before main's newest
    commit: git does not know more.
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
        """New or changed outcomes, by number. Raises `FeedbackError` when the clone cannot be read."""
        check_cursor(since, self.name)
        before = dict(since.seen) if since else {}
        self._position, self._seen = None, dict(before)
        with open_clone(self._path) as clone:
            refs = clone.refs()
            heads, gitlab = find_pull_heads(refs)
            if not heads:
                raise FeedbackError(
                    f"{self._path} has no pull requests: no ref matches refs/pull/*/head. Fetch them with"
                    " `git fetch origin '+refs/pull/*/head:refs/pull/*/head'` (GitLab: merge-requests for pull)."
                )
            branch, tip = self._find_main(clone, refs)
            url = clone.remote_url()
            repository = self._repository or _repository_name_of(url) or _directory_name_of(self._path)
            facts = [CASE_FORMAT, repository, branch, refs, self._identity.model_dump(), self._open_days]
            position = hashlib.sha256(repr(facts).encode()).hexdigest()[:16]
            if since is not None and since.position == position:
                self._position = position
                return
            branches = [
                commit for name, (commit, _) in refs.items() if name.startswith(("refs/heads/", "refs/remotes/"))
            ]
            history = History(clone.commits([tip, *branches, *heads.values()]), tip)
            index = MainIndex(history, gitlab)
            pulls = find_agent_pulls(heads, index, self._identity)
            cases = list(CaseBuilder(clone, history, index, gitlab, self._open_days).build(pulls))
            prints = {f"{repository}#{case.pull.number}": case.fingerprint for case in cases}
            seen = self._seen = {key: old for key, old in before.items() if key in prints}
            todo = [c for c, (key, now) in zip(cases, prints.items(), strict=True) if seen.get(key, "")[:16] != now]
            reader = CaseComparison(clone, history)
            for start in range(0, len(todo), _CASES_AT_ONCE):
                for finding in reader.compare(todo[start : start + _CASES_AT_ONCE]):
                    outcome = outcome_of_case(finding, repository, _pulls_url_of(url, gitlab), self._identity)
                    now = prints[outcome.key] + outcome.digest[:16]
                    if seen.get(outcome.key, "")[16:] != outcome.digest[:16]:
                        yield outcome
                    seen[outcome.key] = now
            self._position = position

    def _find_main(self, clone: Clone, refs: Mapping[str, tuple[str, str]]) -> tuple[str, str]:
        """The main branch's ref and tip."""
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
                return name, refs[name][0]
        raise FeedbackError(
            f"{self._path} has no branch {self._main or 'main or master'}. Name the branch that pull requests are"
            " merged into."
        )


def _repository_name_of(url: str | None) -> str | None:
    """`owner/name` of a remote's address."""
    found = _REMOTE_ADDRESS.match(url) if url else None
    return found[2].strip("/") if found else None


def _directory_name_of(path: Path) -> str:
    path = path.resolve()
    return (path.parent if path.name in (".git", "repo") else path).name.removesuffix(".git") or "repository"


def _pulls_url_of(url: str | None, gitlab: bool) -> str | None:
    """Where pull requests are found on the web, without their number; credentials in the address are left out."""
    found = _REMOTE_ADDRESS.match(url) if url else None
    if not found:
        return None
    return f"https://{found[1]}/{found[2].strip('/')}/{'-/merge_requests' if gitlab else 'pull'}"
