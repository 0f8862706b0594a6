"""Draws one alteration for each deciding test, and writes the altered files."""

from __future__ import annotations

import ast
import secrets
from collections.abc import Iterable, Sequence
from pathlib import Path

from meta.languages.python.alteration.assertions import Change, find_changes
from meta.languages.python.alteration.doctests import find_doctest_changes
from meta.languages.python.alteration.test_module import Splice, TestModules
from meta.languages.test_run import Alterations
from worker_agent.foreign_tree import OddTree, read_regular_file

PASS_TO_PASS_SAMPLE = 4
"""How many PASS_TO_PASS functions are altered in a run; which ones is drawn anew each time."""


def draw_alterations(
    root: Path, deciding: Sequence[str], others: Sequence[str] = (), *, certain: bool = False, skip: Iterable[str] = ()
) -> Alterations:
    """Draw an alteration for every deciding test that can be altered, and for a sample of the others.

    `root` is a workspace with all test files in place. With `certain`, only changes that are sure to matter are drawn.
    `skip` names tests to leave alone.
    """
    modules, left = TestModules(root), set(skip)
    sample = list(dict.fromkeys(_function_of(t) for t in others))
    chosen = {sample.pop(secrets.randbelow(len(sample))) for _ in range(min(PASS_TO_PASS_SAMPLE, len(sample)))}
    tests = [t for t in deciding if t not in left] + [t for t in others if _function_of(t) in chosen and t not in left]
    by_function: dict[str, list[str]] = {}
    for test in tests:
        by_function.setdefault(_function_of(test), []).append(test)
    draft = _Draft(root)
    for function, ids in by_function.items():
        changes = _changes_of(root, modules, function)
        if certain:
            changes = [change for change in changes if change.certain]
        draft.take_first([*_shuffle_by_rank(changes)], ids)
    return draft.finish([*deciding, *others])


def _changes_of(root: Path, modules: TestModules, function: str) -> list[Change]:
    path, *names = function.split("::")
    if path.endswith(".py"):
        module = modules.open(path)
        return find_changes(modules, module, names) if module and names else []
    try:
        return find_doctest_changes(path, read_regular_file(root, path) or b"")
    except (OSError, OddTree):
        return []


def _shuffle_by_rank(changes: Sequence[Change]) -> list[Change]:
    drawn = list(changes)
    secrets.SystemRandom().shuffle(drawn)
    return sorted(drawn, key=lambda change: change.rank)


class _Draft:
    """Alterations as they are put together, so that no two of them overlap."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._splices: dict[str, list[Splice]] = {}
        self._renaming: dict[str, Change] = {}
        self._tests: list[str] = []

    def take_first(self, changes: Sequence[Change], tests: Sequence[str]) -> None:
        """Take the first change that fits, for the tests of one function."""
        for change in changes:
            followed = [t for t in tests if change.rename is None or _rename(t, change) is not None]
            if followed and self._fits(change.splices):
                for splice in change.splices:
                    placed = self._splices.setdefault(splice.path, [])
                    if splice not in placed:
                        placed.append(splice)
                self._tests += followed
                if change.rename:
                    self._renaming[_function_of(tests[0])] = change
                return

    def finish(self, every: Sequence[str]) -> Alterations:
        """Write the altered files."""
        files = {}
        for path, splices in self._splices.items():
            source = read_regular_file(self._root, path) or b""
            for splice in sorted(splices, key=lambda s: s.start, reverse=True):
                source = source[: splice.start] + splice.text + source[splice.end :]
            if path.endswith(".py"):
                try:
                    ast.parse(source)
                except (SyntaxError, ValueError):
                    continue
            files[path] = source
        renames = {}
        for test in every:
            change = self._renaming.get(_function_of(test))
            if change and (new := _rename(test, change)) and new != test:
                renames[test] = new
        broken = self._splices.keys() - files.keys()
        kept = [test for test in self._tests if not broken]
        return Alterations(files if kept else {}, {t: renames.get(t, t) for t in kept}, renames if kept else {})

    def _fits(self, splices: Sequence[Splice]) -> bool:
        for splice in splices:
            for other in self._splices.get(splice.path, ()):
                if splice != other and splice.start < other.end and other.start < splice.end:
                    return False
        return True


def _rename(test: str, change: Change) -> str | None:
    head, bracket, inside = test.partition("[")
    if not bracket or change.rename is None:
        return test
    new = change.rename(inside.removesuffix("]"))
    return None if new is None else f"{head}[{new}]"


def _function_of(test: str) -> str:
    return test.partition("[")[0]
