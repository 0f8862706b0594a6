"""Objects to existing tests that were deleted, skipped, left out or weakened.

What an assertion demands may change when behaviour does; this check cannot tell whether that was right.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath

from meta.grading.acceptance.finding import Check, Need
from meta.grading.acceptance.strength import SKIPS, TestStrength, find_tests, name_of, parse_module
from meta.grading.acceptance.submission_change import ChangedFile, SubmissionChange
from meta.languages.python.test_files import is_test_side

_IGNORES = frozenset({"collect_ignore", "collect_ignore_glob", "pytest_ignore_collect", "pytest_deselected"})
_DECIDING_HOOKS = frozenset(
    {
        "pytest_collection_modifyitems",
        "pytest_pyfunc_call",
        "pytest_pycollect_makeitem",
        "pytest_runtest_call",
        "pytest_runtest_makereport",
        "pytest_runtest_protocol",
        "pytest_runtestloop",
    }
)
_SETTINGS = frozenset(
    {"pytest.ini", ".pytest.ini", "pytest.toml", ".pytest.toml", "tox.ini", "setup.cfg", "pyproject.toml"}
)
_LEAVES_OUT = re.compile(
    rb"--(?:ignore(?:-glob)?|deselect|collect-only|co)\b|(?<![\w-])-k\b|\bcollect_ignore\w*"
    rb"|\b(?:norecursedirs|python_(?:files|classes|functions))\b"
)
_COLLECTED = re.compile(r"^(test_.*|.*_test|tests?)\.py$")
"""Names of files in which pytest looks for tests unless it is told otherwise."""


def _object_to(change: SubmissionChange, need: Need) -> str:
    if words := next((words for file in change.files if (words := _object_to_left_out(file))), ""):
        return words
    files = [file for file in change.files if is_test_side(file.path) and file.path.endswith(".py")]
    changed = frozenset(PurePosixPath(file.path).stem for file in change.files)
    return next((words for file in files if (words := _object_to_file(file, files, changed))), "")


def _object_to_left_out(file: ChangedFile) -> str:
    """Object when pytest's settings or a conftest leave out more tests than before."""
    name = PurePosixPath(file.path).name
    if name in _SETTINGS:
        before, after = (_LEAVES_OUT.findall(text or b"") for text in (file.before, file.after))
        if len(after) > len(before):
            return f"{file.path} leaves tests out now ({after[-1].decode('utf-8', 'replace')})"
    elif name == "conftest.py":
        was, now = (_count_conftest_skips(text) for text in (file.before, file.after))
        if was is not None and now is not None and now > was:
            return f"{file.path} skips tests, leaves them out or decides their outcome now"
    return ""


def _count_conftest_skips(text: bytes | None) -> int | None:
    module = parse_module(text or b"")
    if module is None:
        return None
    named = sum(
        name_of(node) in SKIPS or getattr(node, "name", "") in _IGNORES | _DECIDING_HOOKS for node in ast.walk(module)
    )
    return named + sum(name_of(node) in _IGNORES for node in ast.walk(module))


def _object_to_file(file: ChangedFile, files: list[ChangedFile], changed: frozenset[str]) -> str:
    """Object to harm done to the tests of one file, which may have moved to another of these files."""
    before = find_tests(file.before)
    if not before:
        return ""
    after = find_tests(file.after)
    if after is None:
        return f"{file.path} is no longer valid Python"
    moved = dict(_find_moved(file, files)) if before.keys() - after.keys() else {}
    gone = [name for name in before if name not in after and name not in moved]
    if gone:
        more = f" and {len(gone) - 1} more" if len(gone) > 1 else ""
        return f"{file.path}: the test {gone[0]}{more} was deleted"
    found = ((name, _object_to_test(was, after.get(name) or moved[name], changed)) for name, was in before.items())
    return next((f"{file.path}: the test {name} {words}" for name, words in found if words), "")


def _find_moved(file: ChangedFile, files: list[ChangedFile]) -> Iterator[tuple[str, TestStrength]]:
    """Yield the tests that are new in another file, if pytest looks for tests there."""
    for other in files:
        found = _COLLECTED.match(PurePosixPath(other.path).name)
        if other is not file and (found or not _COLLECTED.match(PurePosixPath(file.path).name)):
            before: Mapping[str, TestStrength] = find_tests(other.before) or {}
            yield from ((name, test) for name, test in (find_tests(other.after) or {}).items() if name not in before)


def _object_to_test(was: TestStrength, now: TestStrength, changed: frozenset[str]) -> str:
    if now.skips > was.skips:
        return "is skipped or expected to fail now"
    if now.acts == 0 < was.acts:
        return "does nothing any more"
    if now.asserts < was.asserts and now.demands < was.demands:
        return f"asserts less than before ({now.asserts} times, not {was.asserts})"
    if now.cases is not None and was.cases is not None and now.cases < was.cases:
        return f"has fewer cases than before ({now.cases}, not {was.cases})"
    wrapped = [name for name, origin in now.wrappers.items() if name not in was.wrappers and origin in {"", *changed}]
    return f"is wrapped by {wrapped[0]} now" if wrapped else ""


EXISTING_TESTS = Check(
    "existing-tests",
    "tests that the base has: deleted, skipped, left out, emptied, or with fewer assertions or cases",
    _object_to,
)
