"""Knows which step of main touched which file.

This finds where a change may have landed without reading contents.
"""

from __future__ import annotations

from collections.abc import Iterator

from feedback.git.clone import Clone, Commit, FileChange, TreePair
from feedback.git.history import History


class MainFiles:
    """The files that each step of main changed, from step `since` on."""

    def __init__(self, clone: Clone, history: History, since: int) -> None:
        self._since = since
        pairs = [trees_around_step(clone, history, step) for step in range(since, len(history.chain))]
        self._steps = [files or () for files in clone.changed_files(pairs)]
        self._by_path: dict[str, list[int]] = {}
        self._by_result: dict[tuple[str, str], list[int]] = {}
        for step, files in enumerate(self._steps, since):
            for path, _, after in files:
                self._by_path.setdefault(path, []).append(step)
                self._by_result.setdefault((path, after), []).append(step)

    def files_of(self, step: int) -> tuple[FileChange, ...]:
        """Return what a step changed; nothing for steps before `since`."""
        return self._steps[step - self._since] if step >= self._since else ()

    def steps_touching(self, files: tuple[FileChange, ...], after: int) -> Iterator[int]:
        """Yield the steps later than `after` that touch all of these files, oldest first."""
        paths = {path for path, _, _ in files}
        if not paths:
            return
        rarest = min((self._by_path.get(path, []) for path in paths), key=len)
        for step in rarest:
            if step > after and paths <= {path for path, _, _ in self.files_of(step)}:
                yield step

    def steps_with_same_files(self, files: tuple[FileChange, ...], after: int) -> Iterator[int]:
        """Yield the steps later than `after` that touch just these files, oldest first."""
        return (step for step in self.steps_touching(files, after) if len(self.files_of(step)) == len(files))

    def step_with_same_result(self, files: tuple[FileChange, ...], after: int) -> int | None:
        """Return the step by which main has had each file as it is here, or None.

        Steps up to `after` do not count.
        """
        last = -1
        for path, _, result in files:
            steps = [step for step in self._by_result.get((path, result), ()) if step > after]
            if not steps:
                return None
            last = max(last, steps[0])
        return last if last >= 0 else None


def trees_around_step(clone: Clone, history: History, step: int) -> TreePair:
    """Return the trees of main before and after a step."""
    return trees_around_commit(clone, history, history.chain[step])


def trees_around_commit(clone: Clone, history: History, commit: Commit) -> TreePair:
    """Return the trees before and after a commit."""
    parent = history.parent_of(commit)
    if parent is None and commit.parents:  # a shallow clone ends here: what came before is missing
        return commit.tree, commit.tree
    return parent.tree if parent else clone.empty_tree, commit.tree
