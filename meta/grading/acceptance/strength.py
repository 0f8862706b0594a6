"""Reads the tests of a file, and what each of them demands."""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from meta.grading.acceptance.live_code import (
    Definition,
    FunctionNode,
    find_live_parts,
    find_own_parts,
    flatten_live,
    truth_of,
)

SKIPS = frozenset(
    {"skip", "skipif", "xfail", "skipIf", "skipUnless", "skipTest", "expectedFailure", "importorskip", "SkipTest"}
)
_EXPECTS = frozenset({"raises", "warns", "fail", "deprecated_call"})


@dataclass(frozen=True)
class TestStrength:
    """What a test demands; `skips` counts those of its class and module as well."""

    __test__ = False
    asserts: int
    skips: int
    acts: int
    """Calls and assertions that can run."""
    cases: int | None
    """The cases that its parametrisations list, 1 without any; `None` if they are computed, so that nobody can tell."""
    wrappers: Mapping[str, str]
    """Functions of the tests' own that it is decorated with: each with the module it is imported from, if any."""

    @property
    def demands(self) -> float:
        """Assertions in all cases."""
        return self.asserts * self.cases if self.cases is not None else float("inf")


@lru_cache(maxsize=64)
def find_tests(text: bytes | None) -> Mapping[str, TestStrength] | None:
    """Return a file's tests by name, with the class's; `None` if it is not Python."""
    if text is None:
        return {}
    module = parse_module(text)
    if module is None:
        return None
    try:
        statements = list(flatten_live(module.body))
        outside = sum(_count_ways_out(node) for node in statements if not isinstance(node, Definition))
        return _walk_module(statements, outside)
    except RecursionError:
        return None


# Nobody wants to see the compiler's warnings about a submission's escapes on the terminal.
warnings.filterwarnings("ignore", module="<submission>")


def parse_module(text: bytes) -> ast.Module | None:
    """Parse a file; `None` if it is not Python."""
    try:
        return ast.parse(text, "<submission>")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def name_of(node: ast.AST) -> str:
    """Return the last name of `a.b.c`, otherwise nothing."""
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def _walk_module(statements: Sequence[ast.stmt], outside: int) -> dict[str, TestStrength]:
    """Return the tests that are left when all statements of the module have run."""
    found: dict[str, TestStrength] = {}
    origins: dict[str, str] = {}
    for node in statements:
        for name in _names_replaced_by(node):
            if name == "__test__":  # the module's own, which leaves out all of its tests
                return {}
            origins.pop(name, None)
            for test in [test for test in found if test == name or test.startswith(f"{name}.")]:
                del found[test]
        if isinstance(node, ast.ClassDef):
            found.update(_walk_class(node, "", outside, origins))
        elif isinstance(node, FunctionNode) and node.name.startswith("test"):
            found[node.name] = _weigh_test(node, outside, origins)
        elif isinstance(node, FunctionNode) or (isinstance(node, ast.Assign) and isinstance(node.value, ast.Lambda)):
            origins.update(dict.fromkeys(_names_replaced_by(node), ""))
        elif isinstance(node, ast.ImportFrom) and node.module:
            origins.update({alias.asname or alias.name: node.module.rsplit(".", 1)[-1] for alias in node.names})
    return found


def _walk_class(
    node: ast.ClassDef, prefix: str, skips: int, origins: Mapping[str, str]
) -> Iterator[tuple[str, TestStrength]]:
    statements = list(flatten_live(node.body))
    members = {name for statement in statements for name in _names_replaced_by(statement)}
    plain = not node.bases and not node.keywords
    if "__test__" in members or (plain and (not node.name.startswith("Test") or {"__init__", "__new__"} & members)):
        return
    marks = sum(map(_count_ways_out, node.decorator_list))
    marks += sum(_count_ways_out(inner) for inner in statements if not isinstance(inner, Definition))
    found: dict[str, TestStrength] = {}
    for inner in statements:
        for name in _names_replaced_by(inner):
            found.pop(name, None)
        if isinstance(inner, ast.ClassDef):
            found.update(_walk_class(inner, f"{inner.name}.", skips + marks, origins))
        elif isinstance(inner, FunctionNode) and inner.name.startswith("test"):
            found[inner.name] = _weigh_test(inner, skips + marks, origins)
    yield from ((f"{prefix or node.name + '.'}{name}", test) for name, test in found.items())


def _names_replaced_by(node: ast.stmt) -> Iterator[str]:
    """Yield the names that a statement binds or removes, and of tests those that it makes none of."""
    match node:
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            yield node.name
        case ast.Import() | ast.ImportFrom():
            yield from (alias.asname or alias.name.split(".")[0] for alias in node.names)
        case ast.Expr(
            value=ast.Call(func=ast.Name(id="setattr"), args=[ast.Name() as test, ast.Constant() as name, _])
        ):
            yield from [test.id] if name.value in _CHANGES else []
        case ast.Delete() | ast.Assign() | ast.AnnAssign():
            targets = [node.target] if isinstance(node, ast.AnnAssign) else node.targets
            is_true = isinstance(node, ast.Assign) and truth_of(node.value) is True
            for target in (inner for outer in targets for inner in ast.walk(outer)):
                if isinstance(target, ast.Name) and not isinstance(target.ctx, ast.Load):
                    yield from [] if target.id == "__test__" and is_true else [target.id]
                elif isinstance(target, ast.Attribute) and target.attr in _CHANGES and not is_true:
                    yield name_of(target.value)


_CHANGES = frozenset({"__test__", "__code__", "__call__"})
"""What of a test can be set so that it is none any more."""


def _weigh_test(node: FunctionNode, outside: int, origins: Mapping[str, str]) -> TestStrength:
    parts, own = find_live_parts(node.body), find_own_parts(node.body)
    leaves = sum(isinstance(part, ast.Return) for part in own)
    leaves += any(isinstance(inner, ast.Yield | ast.YieldFrom) for part in own for inner in ast.walk(part))
    inside = sum(_count_ways_out(part) for part in (*node.decorator_list, *node.body))
    asserts = sum(map(_count_asserts, parts))
    return TestStrength(
        asserts=asserts,
        skips=outside + inside + leaves,
        acts=asserts + sum(isinstance(inner, ast.Call) for part in parts for inner in ast.walk(part)),
        cases=_count_cases(node),
        wrappers=_find_wrappers(node, origins),
    )


def _find_wrappers(node: FunctionNode, origins: Mapping[str, str]) -> dict[str, str]:
    called = [d.func if isinstance(d, ast.Call) else d for d in node.decorator_list]
    named = {c.id: origins[c.id] for c in called if isinstance(c, ast.Name) and c.id in origins}
    return named | ({"a lambda": ""} if any(isinstance(c, ast.Lambda) for c in called) else {})


def _count_ways_out(tree: ast.AST) -> int:
    """Count the skips and expected failures below a node."""
    return sum(name_of(node) in SKIPS for node in ast.walk(tree))


def _count_asserts(part: ast.AST) -> int:
    """Count the assertions of a statement that can fail."""
    found = 0
    for node in ast.walk(part):
        if isinstance(node, ast.Assert):
            found += truth_of(node.test) is None
        elif isinstance(node, ast.Call):
            name = name_of(node.func)
            found += name in _EXPECTS or (name.startswith("assert") and not _always_holds(node))
    return found


def _always_holds(call: ast.Call) -> bool:
    """Say whether the arguments of an `assert…` call are the same whatever the code does."""
    if not call.args:
        return False
    first_two = [ast.dump(argument) for argument in call.args[:2]]
    same = len(first_two) == 2 and len(set(first_two)) == 1
    return same or all(truth_of(argument) is not None for argument in call.args)


def _count_cases(function: FunctionNode) -> int | None:
    """Count the cases that its parametrisations list; `None` if one is computed."""
    listed = 1
    for call in function.decorator_list:
        if isinstance(call, ast.Call) and name_of(call.func) == "parametrize":
            cases = call.args[1] if len(call.args) > 1 else None
            if not isinstance(cases, ast.List | ast.Tuple) or any(isinstance(c, ast.Starred) for c in cases.elts):
                return None
            listed *= len(cases.elts)
    return listed
