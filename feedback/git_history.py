"""The graph of commits: what main is made of, step by step, and which commits are a pull request's own."""

from __future__ import annotations

from collections.abc import Iterable

from feedback.git_clone import Commit

MAX_OWN = 2_000
"""Commits looked at for one pull request; more is a rewritten history, not a change."""


class History:
    """Commits by sha, and main's first-parent chain.

    A step is one commit of that chain, numbered from the oldest; it brings in itself and what it merges. Because
    every ancestor of step i came in at or before step i, "is an ancestor of step i" is one comparison of numbers.
    """

    def __init__(self, commits: Iterable[Commit], main_tip: str) -> None:
        self.commits = {commit.sha: commit for commit in commits}
        chain: list[Commit] = []
        step: str | None = main_tip
        while step is not None and (commit := self.commits.get(step)):
            chain.append(commit)
            step = commit.parents[0] if commit.parents else None
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
        self.twins = self._rewritten()
        """Commits of a history that main was rewritten from, each with the commit of main that replaced it."""
        self.step_of.update({old: self.step_of[new] for old, new in self.twins.items()})

    def _rewritten(self) -> dict[str, str]:
        """A rewrite of history keeps author, committer, both times and the subject; a rebase has a new committer
        time. Only commits that share no root with main are looked up."""
        children: dict[str, list[str]] = {}
        todo: list[str] = []
        for commit in self.commits.values():
            if commit.sha not in self.step_of:
                for parent in commit.parents:
                    children.setdefault(parent, []).append(commit.sha)
                if not commit.parents:
                    todo.append(commit.sha)
        strange: set[str] = set()
        while todo:
            if (sha := todo.pop()) not in strange:
                strange.add(sha)
                todo.extend(children.get(sha, ()))
        if not strange:
            return {}
        known = {_full_stamp(self.commits[sha]): sha for sha in self.step_of}
        found = {sha: known.get(_full_stamp(self.commits[sha])) for sha in strange}
        return {old: new for old, new in found.items() if new}

    def own(self, head: str, before: int | None = None) -> list[Commit]:
        """Commits that `head` adds to main as main was before step `before` (default: as it is now), parents first.

        Only `head` itself when there are more than `MAX_OWN`.
        """
        limit = len(self.chain) if before is None else before
        own: list[Commit] = []
        seen: set[str] = set()
        todo = [(head, False)]
        while todo and len(seen) < MAX_OWN:
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

    def base(self, own: Iterable[Commit]) -> Commit | None:
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

    def parent(self, commit: Commit) -> Commit | None:
        return self.commits.get(commit.parents[0]) if commit.parents else None


def stamp(commit: Commit) -> tuple[str, int, str]:
    """What rebase, cherry-pick and amend keep of a commit: mail address, time in seconds, subject."""
    return commit.author_email, commit.author_time, commit.subject


def _full_stamp(commit: Commit) -> tuple[str, int, str, str, int]:
    return *stamp(commit), commit.committer_email, commit.time
