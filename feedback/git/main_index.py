"""Main's commits by what they say and by their stamps."""

from __future__ import annotations

from feedback.git.clone import Commit
from feedback.git.history import History, stamp_of
from feedback.messages import pull_number_of


class MainIndex:
    """Looks up main's commits by the pull request they say they are, and by what a rebase keeps of a commit."""

    def __init__(self, history: History, gitlab: bool) -> None:
        self.history = history
        self.gitlab = gitlab
        self.by_number: dict[int, list[int]] = {}
        """Steps by the pull request they say they are, oldest first."""
        for step, commit in enumerate(history.chain):
            if (number := pull_number_of(commit.message, gitlab)) is not None:
                self.by_number.setdefault(number, []).append(step)
        self._by_stamp = {stamp_of(history.commits[sha]): sha for sha in history.on_main()}

    def twin_of(self, commit: Commit) -> Commit | None:
        """The commit of main with the same author, time and subject."""
        sha = self._by_stamp.get(stamp_of(commit))
        return self.history.commits[sha] if sha else None

    def pull_number(self, commit: Commit) -> int | None:
        """The pull request that a commit says it is."""
        return pull_number_of(commit.message, self.gitlab)
