"""The graph of commits: what main is made of, step by step, and which commits are a pull request's own."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Iterator

from feedback.git.clone import Commit
from feedback.messages import pull_number_of

_MERGE_OF_MAIN = re.compile(
    r"^Merge (?:remote-tracking )?branch '(?:[^'/]+/)?(?:main|master|trunk|develop)'(?! into ')"
)
"""Subjects of merges that bring main into a branch."""
MAX_OWN_COMMITS = 2_000
"""Commits looked at for one pull request; more is a rewritten history, not a change."""


class History:
    """Commits by sha, and main's chain: first parents, but where main was moved forward to a branch that main had been
    merged into (a foxtrot merge); there main is the other side.

    A step is one commit of that chain, numbered from the oldest; it brings in itself and what it merges. Because
    every ancestor of step i came in at or before step i, "is an ancestor of step i" is one comparison of numbers.
    """

    def __init__(self, commits: Iterable[Commit], main_tip: str) -> None:
        self.commits = {commit.sha: commit for commit in commits}
        self._foxtrot_parents: dict[str, str] = {}
        """Foxtrot merges on the chain, each with the parent that is main."""
        chain: list[Commit] = []
        step = self.commits.get(main_tip)
        while step:
            chain.append(step)
            self._cross(step)
            step = self.parent_of(step)
        self.chain = chain[::-1]
        self.step_of: dict[str, int] = {}
        """For each commit of main, the step that brought it in."""
        for number, commit in enumerate(self.chain):
            todo = [commit.sha]
            while todo:
                sha = todo.pop()
                if sha not in self.step_of and sha in self.commits:
                    self.step_of[sha] = number
                    todo.extend(self.commits[sha].parents)
        self.replaced_by = self._rewritten()
        """Commits of a history that main was rewritten from, each with the commit of main that replaced it."""
        self.dropped_steps = self._dropped()
        """Commits that the rewrite left out, each with the step of today's main that they came after."""
        self.step_of.update({old: self.step_of[new] for old, new in self.replaced_by.items()} | self.dropped_steps)

    def _cross(self, commit: Commit) -> None:
        """Of a merge of main that lies on the chain, main is the side on which more pull requests landed since the two
        parted."""
        if len(commit.parents) == 2 and _MERGE_OF_MAIN.match(commit.subject):
            first, second = (self._landed(side, other) for side, other in (commit.parents, commit.parents[::-1]))
            if second > first:
                self._foxtrot_parents[commit.sha] = commit.parents[1]

    def _landed(self, side: str, other: str) -> int:
        """How many commits of `side` and its first parents say that they are a pull request and are not below
        `other`."""
        below: set[str] = set()
        todo = deque([other])
        while todo and len(below) < MAX_OWN_COMMITS:
            sha = todo.popleft()
            if sha not in below and sha in self.commits:
                below.add(sha)
                todo.extend(self.commits[sha].parents)
        count = 0
        step: str | None = side
        while step is not None and step not in below and (commit := self.commits.get(step)):
            count += pull_number_of(commit.message) is not None
            step = commit.parents[0] if commit.parents else None
        return count

    def _rewritten(self) -> dict[str, str]:
        """A rewrite of history keeps author, committer, both times and the subject; a rebase has a new committer
        time."""
        known = {_full_stamp_of(self.commits[sha]): sha for sha in self.step_of}
        others = (commit for sha, commit in self.commits.items() if sha not in self.step_of)
        found = {commit.sha: known.get(_full_stamp_of(commit)) for commit in others}
        return {old: new for old, new in found.items() if new}

    def _dropped(self) -> dict[str, int]:
        """What lies below a replaced commit was in main too."""
        dropped: dict[str, int] = {}
        for old, new in sorted(self.replaced_by.items(), key=lambda pair: self.step_of[pair[1]]):
            todo = list(self.commits[old].parents)
            while todo:
                sha = todo.pop()
                if (
                    sha not in dropped
                    and sha not in self.replaced_by
                    and sha not in self.step_of
                    and sha in self.commits
                ):
                    dropped[sha] = max(self.step_of[new] - 1, 0)
                    todo.extend(self.commits[sha].parents)
        return dropped

    def on_main(self) -> Iterator[str]:
        """The commits of today's main."""
        return (sha for sha in self.step_of if sha not in self.replaced_by and sha not in self.dropped_steps)

    def replacement_for(self, commit: Commit) -> Commit | None:
        """What stands in today's main for a commit of the history that main was rewritten from."""
        new = self.replaced_by.get(commit.sha)
        if new is None and commit.sha in self.dropped_steps:
            new = self.chain[self.dropped_steps[commit.sha]].sha
        return self.commits[new] if new else None

    def own_commits(self, head: str, before: int | None = None) -> list[Commit]:
        """Commits that `head` adds to main as main was before step `before` (default: as it is now), parents first.

        Only `head` itself when there are more than `MAX_OWN_COMMITS`.
        """
        limit = len(self.chain) if before is None else before
        own: list[Commit] = []
        seen: set[str] = set()
        todo = [(head, False)]
        while todo and len(seen) < MAX_OWN_COMMITS:
            sha, parents_done = todo.pop()
            commit = self.commits.get(sha)
            if commit is None:
                continue
            if parents_done:
                own.append(commit)
            elif sha not in seen and self.step_of.get(sha, limit) >= limit:
                seen.add(sha)
                todo.append((sha, True))
                todo.extend((parent, False) for parent in reversed(commit.parents))
        return own or ([self.commits[head]] if head in self.commits else [])

    def base_of(self, own: Iterable[Commit]) -> Commit | None:
        """Where these commits left main: the newest commit outside that one of them stands on."""
        inside = {commit.sha for commit in own}
        roots = {p for sha in inside for p in self.commits[sha].parents if p not in inside and p in self.commits}
        return max(
            (self.commits[sha] for sha in roots),
            key=lambda commit: (self.step_of.get(commit.sha, -1), self.is_step(commit), commit.time),
            default=None,
        )

    def is_step(self, commit: Commit) -> bool:
        """Whether the commit lies on main's first-parent chain."""
        number = self.step_of.get(commit.sha)
        return number is not None and self.chain[number].sha == commit.sha

    def parent_of(self, commit: Commit) -> Commit | None:
        """The commit before this one: on main, or on its own branch."""
        before = self._foxtrot_parents.get(commit.sha) or (commit.parents[0] if commit.parents else None)
        return self.commits.get(before) if before else None


def stamp_of(commit: Commit) -> tuple[str, int, str]:
    """What rebase, cherry-pick and amend keep of a commit: mail address, time in seconds, subject."""
    return commit.author_email, commit.author_time, commit.subject


def _full_stamp_of(commit: Commit) -> tuple[str, int, str, str, int]:
    return *stamp_of(commit), commit.committer_email, commit.time
