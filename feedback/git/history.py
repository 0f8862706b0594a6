"""The graph of commits: the steps of main, and a pull request's own commits."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Iterator

from feedback.git.clone import Commit
from feedback.messages import pull_number_of

_MERGE_OF_MAIN = re.compile(
    r"^Merge (?:remote-tracking )?branch '(?:[^'/]+/)?(?:main|master|trunk|develop)'(?! into ')"
)
"""The subject of a merge that brings main into a branch."""
MAX_OWN_COMMITS = 2_000
"""Commits read for one pull request; more than that is a rewritten history, not a change."""


class History:
    """Commits by sha, and the chain of main, whose commits are numbered steps.

    The chain follows first parents. Only where main was fast-forwarded to a branch that main had been merged into (a
    foxtrot merge), main is the second parent.

    A step is one commit of the chain, counted from the oldest; it brings in itself and what it merges. Every ancestor
    of step i came in at or before step i, so to ask "is it an ancestor of step i?" is to compare two numbers.
    """

    def __init__(self, commits: Iterable[Commit], main_tip: str) -> None:
        self.commits = {commit.sha: commit for commit in commits}
        self._foxtrot_parents: dict[str, str] = {}
        """For each foxtrot merge on the chain, the parent that is main."""
        chain: list[Commit] = []
        step = self.commits.get(main_tip)
        while step:
            chain.append(step)
            self._note_foxtrot(step)
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
        self.replaced_by = self._find_replaced()
        """If main was rewritten: for each commit of the old history, the commit that replaced it."""
        self.dropped_steps = self._find_dropped()
        """For each commit that the rewrite left out, the last step before it on today's main."""
        self.step_of.update({old: self.step_of[new] for old, new in self.replaced_by.items()} | self.dropped_steps)

    def _note_foxtrot(self, commit: Commit) -> None:
        """Find which parent of a merge is main: the one on whose side more pull requests landed."""
        if len(commit.parents) == 2 and _MERGE_OF_MAIN.match(commit.subject):
            first, second = (self._count_landed(side, other) for side, other in (commit.parents, commit.parents[::-1]))
            if second > first:
                self._foxtrot_parents[commit.sha] = commit.parents[1]

    def _count_landed(self, side: str, other: str) -> int:
        """Count the pull requests that landed on `side`, along first parents, down to the ancestors of `other`."""
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

    def _find_replaced(self) -> dict[str, str]:
        """Match commits by what a rewrite of history keeps and a rebase does not: above all the committer's time."""
        known = {_full_stamp_of(self.commits[sha]): sha for sha in self.step_of}
        others = (commit for sha, commit in self.commits.items() if sha not in self.step_of)
        found = {commit.sha: known.get(_full_stamp_of(commit)) for commit in others}
        return {old: new for old, new in found.items() if new}

    def _find_dropped(self) -> dict[str, int]:
        """Find the other ancestors of replaced commits: they were in main too."""
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
        """Yield the commits of today's main."""
        return (sha for sha in self.step_of if sha not in self.replaced_by and sha not in self.dropped_steps)

    def replacement_for(self, commit: Commit) -> Commit | None:
        """Return what today's main has in place of a commit from before a rewrite.

        None if main was not rewritten since.
        """
        new = self.replaced_by.get(commit.sha)
        if new is None and commit.sha in self.dropped_steps:
            new = self.chain[self.dropped_steps[commit.sha]].sha
        return self.commits[new] if new else None

    def own_commits(self, head: str, before: int | None = None) -> list[Commit]:
        """Return the commits that `head` adds to main, parents first.

        Main is taken as it was before step `before` (default: as it is now). Beyond `MAX_OWN_COMMITS` the search ends
        early; what it returns then is often just `head`.
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
        """Return where these commits branched off: the newest parent outside them."""
        inside = {commit.sha for commit in own}
        roots = {p for sha in inside for p in self.commits[sha].parents if p not in inside and p in self.commits}
        return max(
            (self.commits[sha] for sha in roots),
            key=lambda commit: (self.step_of.get(commit.sha, -1), self.is_step(commit), commit.time),
            default=None,
        )

    def is_step(self, commit: Commit) -> bool:
        """Whether the commit is one of the chain."""
        number = self.step_of.get(commit.sha)
        return number is not None and self.chain[number].sha == commit.sha

    def parent_of(self, commit: Commit) -> Commit | None:
        """Return the commit before this one, on main or on its own branch."""
        before = self._foxtrot_parents.get(commit.sha) or (commit.parents[0] if commit.parents else None)
        return self.commits.get(before) if before else None


def stamp_of(commit: Commit) -> tuple[str, int, str]:
    """Return what rebase, cherry-pick and amend keep of a commit.

    These are the author's email address, the author's time in seconds, and the subject.
    """
    return commit.author_email, commit.author_time, commit.subject


def _full_stamp_of(commit: Commit) -> tuple[str, int, str, str, int]:
    return *stamp_of(commit), commit.committer_email, commit.time
