"""Main's commits by pull request number and by stamp."""

from __future__ import annotations

from feedback.git.clone import Commit
from feedback.git.history import History, stamp_of
from feedback.messages import pull_number_of


class MainIndex:
    """Finds main's commits by the number in their message, or by their stamp."""

    def __init__(self, history: History, gitlab: bool) -> None:
        self.history = history
        self.gitlab = gitlab
        self.by_number: dict[int, list[int]] = {}
        """For each pull request, the steps that carry its number, oldest first."""
        for step, commit in enumerate(history.chain):
            if (number := pull_number_of(commit.message, gitlab)) is not None:
                self.by_number.setdefault(number, []).append(step)
        self._by_stamp = {stamp_of(history.commits[sha]): sha for sha in history.on_main()}

    def twin_of(self, commit: Commit) -> Commit | None:
        """Return the commit of main with the same author, time and subject, or None."""
        sha = self._by_stamp.get(stamp_of(commit))
        return self.history.commits[sha] if sha else None

    def pull_number(self, commit: Commit) -> int | None:
        """Return the number of the pull request that a commit says it lands."""
        return pull_number_of(commit.message, self.gitlab)
