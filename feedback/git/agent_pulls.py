"""Finds the pull requests in a clone that are the agent's."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from feedback.git.clone import Commit
from feedback.git.main_index import MainIndex
from feedback.identity import AgentIdentity, is_person
from feedback.outcome import RecognitionSign

_PULL_REF = re.compile(r"^refs/(?:remotes/[^/]+/)?(pull|pulls|pr|merge-requests)/(\d{1,9})(?:/head)?$")

_TRIAL_MERGE = re.compile(r"^(?:Merge of|Merge|Trying|Rollup merge of) #\d+")


@dataclass(frozen=True, slots=True)
class AgentPull:
    """One pull request of the agent; how it ended is not known yet."""

    number: int
    head: Commit
    commits: tuple[Commit, ...]
    """Its commits, parents first, including merges of main."""
    base: Commit | None
    """Where it branched off main, or the head of the pull request it is stacked on."""
    is_straight: bool
    """Whether main runs straight through the head, so that the branch's start cannot be seen."""
    is_cut_off: bool
    """Whether a shallow clone lacks the start of the branch."""
    agent: str
    recognised_by: RecognitionSign
    version: str | None
    submission: Commit
    """The agent's last commit before the first one by a person."""
    before_people: Commit
    """The same with bots' commits on top, which are not a person's review."""
    by_people: tuple[Commit, ...]
    by_bots: tuple[Commit, ...]

    own_work: tuple[Commit, ...]
    """Its commits without merges and without copies of other people's commits on main."""

    @property
    def first(self) -> Commit:
        """The first commit of its own work."""
        return self.own_work[0]


def find_pull_heads(refs: Mapping[str, tuple[str, str]]) -> tuple[dict[int, str], bool]:
    """Return the head of each pull ref by number.

    The second value says whether they are GitLab's merge requests.
    """
    heads: dict[int, str] = {}
    gitlab = False
    for name, (sha, _) in refs.items():
        if found := _PULL_REF.match(name):
            heads[int(found[2])] = sha
            gitlab = gitlab or found[1] == "merge-requests"
    return dict(sorted(heads.items())), gitlab


def find_agent_pulls(heads: Mapping[int, str], index: MainIndex, identity: AgentIdentity) -> Iterator[AgentPull]:
    """Yield the pull requests whose first commit is the agent's, by number."""
    history = index.history
    number_at: dict[str, int] = {}
    for number, sha in heads.items():
        number_at.setdefault(sha, number)
    for number, sha in heads.items():
        head = history.commits.get(sha)
        if head is None or _is_trial_merge(head, identity):
            continue
        step = history.step_of.get(sha)
        straight = step is not None and history.replaced_by.get(sha, sha) == history.chain[step].sha
        if straight and index.pull_number(history.chain[step or 0]) not in (None, number):
            continue  # its author reset it to main: nothing of its own is left
        own = [head] if straight else history.own_commits(sha, step)
        base = history.base_of(own)
        if step is None and (below := _find_landed_below(number, own, number_at, index)):
            under = {commit.sha for commit in history.own_commits(below.sha)}
            base, own = below, [commit for commit in own if commit.sha not in under]
        cut_off = base is None and any(parent not in history.commits for c in own for parent in c.parents)
        pull = _recognise_pull(number, own, _own_work(number, own, index, identity), identity, base, straight, cut_off)
        if pull:
            yield pull


def _is_trial_merge(head: Commit, identity: AgentIdentity) -> bool:
    """Whether a merge queue opened this pull request to try others together; its head merges them."""
    if len(head.parents) < 2 or is_person(head.author, head.author_email) or not _TRIAL_MERGE.match(head.subject):
        return False
    return identity.recognise(head.author, head.author_email, head.message) is None


def _find_landed_below(number: int, own: list[Commit], number_at: Mapping[str, int], index: MainIndex) -> Commit | None:
    """Return the head of the pull request that this one is stacked on; one that never landed does not count."""
    below = [c for c in own[:-1] if (other := number_at.get(c.sha, number)) < number and other in index.by_number]
    return below[-1] if below else None


def _own_work(number: int, own: list[Commit], index: MainIndex, identity: AgentIdentity) -> list[Commit]:
    """Return the commits without merges and without copies of main's, which a rebase may leave on a branch."""

    def is_agents(commit: Commit) -> bool:
        return identity.recognise(commit.author, commit.author_email, commit.message) is not None

    work = [commit for commit in own if len(commit.parents) < 2]
    twins = {
        c.sha: twin for c in work if (twin := index.twin_of(c)) and twin.sha != c.sha and index.history.is_step(twin)
    }
    # If a commit of the agent's is on main, so may be those on top of it: the pull request was rebased in.
    rebased_in = any(is_agents(c) and index.pull_number(twins[c.sha]) in (None, number) for c in work if c.sha in twins)

    def is_copy(commit: Commit) -> bool:
        if commit.sha not in twins or commit.sha in index.history.replaced_by:
            return False
        named = index.pull_number(twins[commit.sha])
        return named != number and (named is not None or not rebased_in)

    return [commit for commit in work if not is_copy(commit)] or own[-1:]


def _recognise_pull(
    number: int,
    own: list[Commit],
    work: list[Commit],
    identity: AgentIdentity,
    base: Commit | None,
    straight: bool,
    cut_off: bool,
) -> AgentPull | None:
    known = identity.recognise(work[0].author, work[0].author_email, work[0].message)
    if known is None:
        return None
    working = {commit.sha for commit in work}
    submitted = before_people = work[0]
    by_people: list[Commit] = []
    by_bots: list[Commit] = []
    for commit in own[own.index(work[0]) + 1 :]:
        if commit.sha not in working and len(commit.parents) < 2:
            continue
        if identity.recognise(commit.author, commit.author_email, commit.message):
            if not by_people:
                submitted = before_people = commit
        elif commit.sha not in working:
            continue
        elif is_person(commit.author, commit.author_email):
            by_people.append(commit)
        else:
            by_bots.append(commit)
            if not by_people:
                before_people = commit
    if not by_people:
        before_people = own[-1]  # merges of main on top are not a review
    versions = [found for commit in work if (found := identity.version(commit.message))]
    return AgentPull(
        number=number,
        head=own[-1],
        commits=tuple(own),
        own_work=tuple(work),
        base=base,
        is_straight=straight,
        is_cut_off=cut_off,
        agent=known[0],
        recognised_by=known[1],
        version=versions[-1] if versions else None,
        submission=submitted,
        before_people=before_people,
        by_people=tuple(by_people),
        by_bots=tuple(by_bots),
    )
