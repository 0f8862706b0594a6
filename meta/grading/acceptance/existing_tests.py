"""Objects to existing tests that were deleted, skipped, left out or weakened.

What an assertion demands may change when behaviour does; this check cannot tell whether that was right.
"""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

from meta.grading.acceptance.finding import Check
from meta.grading.acceptance.submission_change import ChangedFile, SubmissionChange
from meta.languages.python.test_files import is_test_side

_SKIPS = frozenset(
    {"skip", "skipif", "xfail", "skipIf", "skipUnless", "skipTest", "expectedFailure", "importorskip", "SkipTest"}
)
_EXPECTS = frozenset({"raises", "warns", "fail", "deprecated_call"})
_IGNORES = frozenset({"collect_ignore", "collect_ignore_glob", "pytest_ignore_collect", "pytest_deselected"})
_SETTINGS = frozenset(
    {"pytest.ini", ".pytest.ini", "pytest.toml", ".pytest.toml", "tox.ini", "setup.cfg", "pyproject.toml"}
)
_LEAVES_OUT = re.compile(rb"--(?:ignore(?:-glob)?|deselect)\b|\bnorecursedirs\b|\bcollect_ignore\w*")


@dataclass(frozen=True)
class _Test:
    """What a test demands; `skips` counts those of its class and module as well."""

    asserts: int
    skips: int
    cases: int | None
    """`None` if they are computed, so that nobody can tell."""


def _object_to(change: SubmissionChange, needed: int) -> str:
    if words := next((words for file in change.files if (words := _object_to_left_out(file))), ""):
        return words
    files = [file for file in change.files if is_test_side(file.path) and file.path.endswith(".py")]
    came = {name for file in files for name in set(_find_tests(file.after) or ()) - set(_find_tests(file.before) or ())}
    return next((words for file in files if (words := _object_to_file(file, came))), "")


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
            return f"{file.path} skips tests or leaves them out now"
    return ""


def _count_conftest_skips(text: bytes | None) -> int | None:
    module = _parse(text or b"")
    if module is None:
        return None
    named = sum(_name_of(node) in _SKIPS or getattr(node, "name", "") in _IGNORES for node in ast.walk(module))
    return named + sum(_name_of(node) in _IGNORES for node in ast.walk(module))


def _object_to_file(file: ChangedFile, came: set[str]) -> str:
    """Object to harm done to the tests of one file.

    `came` has the names that are new in some file, where a test may have moved.
    """
    before = _find_tests(file.before)
    if not before:
        return ""
    after = _find_tests(file.after)
    if after is None:
        return f"{file.path} is no longer valid Python"
    gone = [name for name in before if name not in after and name not in came]
    if gone:
        more = f" and {len(gone) - 1} more" if len(gone) > 1 else ""
        return f"{file.path}: the test {gone[0]}{more} was deleted"
    for name, was in before.items():
        now = after.get(name)
        if now is None:
            continue
        if now.skips > was.skips:
            return f"{file.path}: the test {name} is skipped or expected to fail now"
        if now.asserts < was.asserts:
            return f"{file.path}: the test {name} asserts less than before ({now.asserts} times, not {was.asserts})"
        if now.cases is not None and was.cases is not None and now.cases < was.cases:
            return f"{file.path}: the test {name} has fewer cases than before ({now.cases}, not {was.cases})"
    return ""


def _find_tests(text: bytes | None) -> dict[str, _Test] | None:
    """Return a file's tests by name, with the class's; `None` if it is not Python."""
    if text is None:
        return {}
    module = _parse(text)
    if module is None:
        return None
    outside = sum(_count_ways_out(node) for node in module.body if not isinstance(node, _DEFINITIONS))
    return dict(_walk_tests(module.body, "", outside))


# Nobody wants to see the compiler's warnings about a submission's escapes on the terminal.
warnings.filterwarnings("ignore", module="<submission>")


def _parse(text: bytes) -> ast.Module | None:
    try:
        return ast.parse(text, "<submission>")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_DEFINITIONS = (*_FUNCTIONS, ast.ClassDef)


def _walk_tests(body: list[ast.stmt], prefix: str, skips: int) -> Iterator[tuple[str, _Test]]:
    for node in body:
        if isinstance(node, ast.ClassDef):
            marks = sum(map(_count_ways_out, node.decorator_list))
            marks += sum(_count_ways_out(inner) for inner in node.body if not isinstance(inner, _DEFINITIONS))
            yield from _walk_tests(node.body, f"{prefix}{node.name}.", skips + marks)
        elif isinstance(node, _FUNCTIONS) and node.name.startswith("test"):
            inside = sum(_count_ways_out(part) for part in (*node.decorator_list, *node.body))
            yield prefix + node.name, _Test(_count_asserts(node), skips + inside, _count_cases(node))


def _count_ways_out(tree: ast.AST) -> int:
    """Count the skips and expected failures below a node, and early returns."""
    named = sum(_name_of(node) in _SKIPS for node in ast.walk(tree))
    return named + (isinstance(tree, ast.Return))


def _count_asserts(function: ast.AST) -> int:
    found = 0
    for node in ast.walk(function):
        if isinstance(node, ast.Assert):
            found += not isinstance(node.test, ast.Constant)
        elif isinstance(node, ast.Call):
            name = _name_of(node.func)
            found += name in _EXPECTS or name.startswith("assert")
    return found


def _count_cases(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int | None:
    """Count the cases that its parametrisations list; `None` if one is computed."""
    listed = 0
    for call in function.decorator_list:
        if isinstance(call, ast.Call) and _name_of(call.func) == "parametrize":
            cases = call.args[1] if len(call.args) > 1 else None
            if not isinstance(cases, ast.List | ast.Tuple):
                return None
            listed += len(cases.elts)
    return listed


def _name_of(node: ast.AST) -> str:
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


EXISTING_TESTS = Check(
    "existing-tests",
    "tests that the base has: deleted, skipped, left out, or with fewer assertions or cases",
    _object_to,
)
