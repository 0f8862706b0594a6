"""The pull requests of a clone, and which of them are the agent's."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from feedback.git_clone import Commit
from feedback.git_history import History
from feedback.git_messages import landed_number
from feedback.identity import AgentIdentity, is_person
from feedback.records import RecognisedBy

_PULL_REF = re.compile(r"^refs/(?:remotes/[^/]+/)?(pull|pulls|pr|merge-requests)/(\d{1,9})(?:/head)?$")

_TRIAL = re.compile(r"^(?:Merge of|Merge|Trying|Rollup merge of) #\d+")


@dataclass(frozen=True, slots=True)
class Pull:
    """One pull request of the agent, before anything is known of its end."""

    number: int
    head: Commit
    own: tuple[Commit, ...]
    """Its commits, parents first, merges of main included."""
    base: Commit | None
    """Where it left main, or the pull request it is stacked on."""
    straight: bool
    """Whether main goes straight through the head, so that where the pull request began cannot be seen."""
    cut_off: bool
    """Whether a shallow clone ends before the pull request began."""
    agent: str
    recognised_by: RecognisedBy
    version: str | None
    submitted: Commit
    """The agent's last commit before the first one by a person."""
    before_people: Commit
    """The same, with the commits of bots after it: they are not a person's review."""
    by_people: tuple[Commit, ...]
    by_bots: tuple[Commit, ...]

    @property
    def first(self) -> Commit:
        """The first commit of its own that is not a merge."""
        return _work(self.own)[0]

    @property
    def work(self) -> tuple[Commit, ...]:
        """Its commits without merges."""
        return _work(self.own)


def pull_heads(refs: Mapping[str, tuple[str, str]]) -> tuple[dict[int, str], bool]:
    """Number to head of every pull ref, and whether they are GitLab's merge requests."""
    heads: dict[int, str] = {}
    gitlab = False
    for name, (sha, _) in refs.items():
        if found := _PULL_REF.match(name):
            heads[int(found[2])] = sha
            gitlab = gitlab or found[1] == "merge-requests"
    return dict(sorted(heads.items())), gitlab


def agents_pulls(
    heads: Mapping[int, str], history: History, identity: AgentIdentity, landed: Mapping[int, object]
) -> Iterator[Pull]:
    """The pull requests whose first commit is the agent's, by number.

    `landed` holds the numbers that main names: a pull request is stacked on another only if that one landed.
    """
    number_at: dict[str, int] = {}
    for number, sha in heads.items():
        number_at.setdefault(sha, number)
    for number, sha in heads.items():
        head = history.commits.get(sha)
        if head is None or _is_trial(head, identity):
            continue
        step = history.step_of.get(sha)
        straight = step is not None and history.twins.get(sha, sha) == history.chain[step].sha
        if straight:
            if landed_number(history.chain[step or 0]) not in (None, number):
                continue  # reset to main by its author: nothing of its own is left to look at
            own = [head]
        else:
            own = history.own(sha, step)
        base = history.base(own)
        below = [
            commit
            for commit in own[:-1]
            if step is None and (other := number_at.get(commit.sha, number)) < number and other in landed
        ]
        if below:
            base = below[-1]
            under = {commit.sha for commit in history.own(base.sha, step)}
            own = [commit for commit in own if commit.sha not in under]
        cut_off = base is None and any(parent not in history.commits for c in own for parent in c.parents)
        pull = _recognise(number, own, base, straight, cut_off, identity)
        if pull:
            yield pull


def _is_trial(head: Commit, identity: AgentIdentity) -> bool:
    """Whether a merge queue made this pull request, to try others together: its head merges them."""
    if len(head.parents) < 2 or is_person(head.author, head.author_email) or not _TRIAL.match(head.subject):
        return False
    return identity.recognise(head.author, head.author_email, head.message) is None


def _work(own: tuple[Commit, ...] | list[Commit]) -> tuple[Commit, ...]:
    return tuple(commit for commit in own if len(commit.parents) < 2) or tuple(own[-1:])


def _recognise(
    number: int, own: list[Commit], base: Commit | None, straight: bool, cut_off: bool, identity: AgentIdentity
) -> Pull | None:
    work = _work(own)
    known = identity.recognise(work[0].author, work[0].author_email, work[0].message) if work else None
    if known is None:
        return None
    submitted = before_people = work[0]
    by_people: list[Commit] = []
    by_bots: list[Commit] = []
    for commit in work[1:]:
        if identity.recognise(commit.author, commit.author_email, commit.message):
            if not by_people:
                submitted = before_people = commit
        elif is_person(commit.author, commit.author_email):
            by_people.append(commit)
        else:
            by_bots.append(commit)
            if not by_people:
                before_people = commit
    if not by_people:
        before_people = own[-1]  # merges of main on top are nobody's review
    versions = [found for commit in work if (found := identity.version(commit.message))]
    return Pull(
        number=number,
        head=own[-1],
        own=tuple(own),
        base=base,
        straight=straight,
        cut_off=cut_off,
        agent=known[0],
        recognised_by=known[1],
        version=versions[-1] if versions else None,
        submitted=submitted,
        before_people=before_people,
        by_people=tuple(by_people),
        by_bots=tuple(by_bots),
    )
