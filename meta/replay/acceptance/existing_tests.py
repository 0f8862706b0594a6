"""Existing tests unharmed: none deleted, skipped, or left with fewer assertions or cases than it had.

What an assertion demands may change, as behaviour does; whether it was right to change it, this check cannot tell.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from meta.replay.acceptance.change import Change, ChangedFile
from meta.replay.acceptance.finding import Check
from meta.replay.protected import is_test_side

_SKIPS = frozenset(
    {"skip", "skipif", "xfail", "skipIf", "skipUnless", "skipTest", "expectedFailure", "importorskip", "SkipTest"}
)
_EXPECTS = frozenset({"raises", "warns", "fail", "deprecated_call"})


@dataclass(frozen=True)
class _Test:
    """What one test function demands. `skips`: ways out of it, its own, its class's and its module's."""

    asserts: int
    skips: int
    cases: int


def _object_to(change: Change, needed: int) -> str:
    files = [file for file in change.files if is_test_side(file.path) and file.path.endswith(".py")]
    came = {name for file in files for name in set(_tests(file.after) or ()) - set(_tests(file.before) or ())}
    return next((words for file in files if (words := _harm(file, came))), "")


def _harm(file: ChangedFile, came: set[str]) -> str:
    """What was done to the tests of one file. `came`: names that are new in some file, so they may have moved there."""
    before = _tests(file.before)
    if not before:
        return ""
    after = _tests(file.after)
    if after is None:
        return f"{file.path} is no valid Python any more"
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
        if now.cases < was.cases:
            return f"{file.path}: the test {name} has fewer cases than before ({now.cases}, not {was.cases})"
    return ""


def _tests(text: bytes | None) -> dict[str, _Test] | None:
    """The tests of a file by name, a method's with its class's; `None` where the text is not Python."""
    if text is None:
        return {}
    try:
        module = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    outside = sum(_ways_out(node) for node in module.body if not isinstance(node, _DEFINITIONS))
    return dict(_in(module.body, "", outside))


_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_DEFINITIONS = (*_FUNCTIONS, ast.ClassDef)


def _in(body: list[ast.stmt], prefix: str, skips: int) -> Iterator[tuple[str, _Test]]:
    for node in body:
        if isinstance(node, ast.ClassDef):
            marks = sum(map(_ways_out, node.decorator_list))
            marks += sum(_ways_out(inner) for inner in node.body if not isinstance(inner, _DEFINITIONS))
            yield from _in(node.body, f"{prefix}{node.name}.", skips + marks)
        elif isinstance(node, _FUNCTIONS) and node.name.startswith("test"):
            inside = sum(_ways_out(part) for part in (*node.decorator_list, *node.body))
            yield prefix + node.name, _Test(_asserts(node), skips + inside, _cases(node))


def _ways_out(tree: ast.AST) -> int:
    """How often skipping or expected failure is named below a node; a test that returns at once is one as well."""
    named = sum(_name(node) in _SKIPS for node in ast.walk(tree))
    return named + (isinstance(tree, ast.Return))


def _asserts(function: ast.AST) -> int:
    found = 0
    for node in ast.walk(function):
        if isinstance(node, ast.Assert):
            found += not isinstance(node.test, ast.Constant)
        elif isinstance(node, ast.Call):
            name = _name(node.func)
            found += name in _EXPECTS or name.startswith("assert")
    return found


def _cases(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """How many cases its parametrisations list; one that is computed counts as none."""
    return sum(
        len(call.args[1].elts)
        for call in function.decorator_list
        if isinstance(call, ast.Call) and _name(call.func) == "parametrize" and len(call.args) > 1
        and isinstance(call.args[1], ast.List | ast.Tuple)
    )  # fmt: skip


def _name(node: ast.AST) -> str:
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


EXISTING_TESTS = Check(
    "existing-tests", "tests that the base has: deleted, skipped, or with fewer assertions or cases", _object_to
)
