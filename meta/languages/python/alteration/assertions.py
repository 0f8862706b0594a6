"""Finds what a test expects, in every shape of assertion, and how to make it expect something else.

A change contradicts the original: no honest code passes both. Where it is not certain to matter, say in a branch that
may not run, the merged change has the last word (`meta.grading`).
"""

from __future__ import annotations

import ast
import builtins
import re
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from meta.languages.python.alteration.literals import change_literal, is_literal, leaves_of
from meta.languages.python.alteration.tables import Column
from meta.languages.python.alteration.test_module import Splice, TestModule, TestModules, last_name
from meta.languages.python.alteration.test_scope import TestScope, open_scope, statements_of

VALUE, WRAP, FLIP, NESTED_VALUE, INVERT = range(5)
"""Ranks of changes, the best first: only another value shows code that answers whatever the test compares with."""

_EQUALITIES = re.compile(
    r"assert(Almost|List|Dict|Tuple|Set|Sequence|Count|MultiLine)?Equals?|assertIs|assertItemsEqual"
    r"|assert_(almost_|array_|array_almost_|allclose|frame_|series_|index_|string_)?(equals?|allclose)?|eq_|assert_is"
)
_FLIPS = {
    "assertTrue": "assertFalse",
    "assertIsNone": "assertIsNotNone",
    "assertIsInstance": "assertNotIsInstance",
    "assertGreater": "assertLessEqual",
    "assertLess": "assertGreaterEqual",
    "assertNotEqual": "assertEqual",
    "assertIsNot": "assertIs",
    "assertNotIn": "assertIn",
    "assertNotRegex": "assertRegex",
    "assert_called": "assert_not_called",
    "assert_called_once": "assert_not_called",
    "assert_awaited": "assert_not_awaited",
    "assert_awaited_once": "assert_not_awaited",
}
_ONE_WAY = (
    "assert_called_once",
    "assert_awaited_once",
    "assertNotEqual",
    "assertIsNot",
    "assertNotIn",
    "assertNotRegex",
)
_FLIPS |= {new: old for old, new in _FLIPS.items() if old not in _ONE_WAY}  # for the others, another value shows more
_WITH_LITERALS = re.compile(r"assert_(called|awaited)(_once)?_with|assert_any_(call|await)|assert_has_(calls|awaits)")
_RAISING = frozenset({"raises", "assertRaises", "assertRaisesRegex", "failUnlessRaises", "RaisesGroup"})
_WARNING = frozenset({"warns", "assertWarns", "assertWarnsRegex", "deprecated_call"})
_SELDOM_BASES = ("ZeroDivisionError", "EOFError", "BufferError", "RecursionError")
"""Errors that a project's own hardly derive from."""
_OTHER_ERRORS = (*_SELDOM_BASES, "KeyError", "ValueError", "TypeError")
_OTHER_WARNINGS = ("BytesWarning", "ImportWarning", "UnicodeWarning")
_OPERATORS: dict[type[ast.cmpop], tuple[str, str]] = {
    ast.NotEq: ("!=", "=="),
    ast.Lt: ("<", ">="),
    ast.LtE: ("<=", ">"),
    ast.Gt: (">", "<="),
    ast.GtE: (">=", "<"),
    ast.IsNot: (r"is\s+not", "is"),
    ast.NotIn: (r"not\s+in", "in"),
}


@dataclass(frozen=True)
class Change:
    """A way to make one test expect something else."""

    rank: int
    certain: bool
    """Whether honest code is sure to fail with it."""
    splices: tuple[Splice, ...]
    rename: Callable[[str], str | None] | None = None
    """Follows what stands in a test id's brackets; `None` for an id that cannot be followed."""


def find_changes(modules: TestModules, module: TestModule, names: Sequence[str]) -> list[Change]:
    """Return ways to alter a test, given the names that lead to it in its module."""
    scope = open_scope(modules, module, names)
    return list(_changes_in(scope)) if scope else []


def _changes_in(scope: TestScope) -> Iterator[Change]:
    steady = scope.depth == 0 and not any(
        isinstance(n, ast.Return | ast.Yield | ast.YieldFrom) for n in ast.walk(scope.function)
    )
    top = {id(s) for s in _top_statements(scope.function.body)}
    for node in statements_of(scope.function):
        certain = steady and id(node) in top
        for change in _changes_of(scope, node):
            yield change if certain else replace(change, certain=False)


def _changes_of(scope: TestScope, node: ast.stmt) -> Iterator[Change]:
    if isinstance(node, ast.Assert):
        yield from _of_condition(scope, node.test)
    elif isinstance(node, ast.With | ast.AsyncWith):
        for item in node.items:
            if isinstance(item.context_expr, ast.Call):
                yield from _of_call(scope, item.context_expr)
    elif isinstance(node, ast.Expr | ast.Assign | ast.Return) and node.value is not None:
        value = node.value.value if isinstance(node.value, ast.Await) else node.value
        if isinstance(value, ast.Call):
            yield from _of_call(scope, value)


def _of_condition(scope: TestScope, node: ast.expr) -> Iterator[Change]:
    if isinstance(node, ast.Compare):
        sides = [node.left, *node.comparators]
        for left, operator, right in zip(sides, node.ops, sides[1:], strict=False):
            yield from _of_comparison(scope, left, operator, right)
    elif isinstance(node, ast.BoolOp) and isinstance(node.op, ast.And):
        for part in node.values:
            yield from _of_condition(scope, part)
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        start, _ = scope.module.span(node)
        inner, _ = scope.module.span(node.operand)
        text = scope.module.source[start:inner].removeprefix(b"not").lstrip()
        yield Change(INVERT, True, (Splice(scope.module.path, start, inner, text),))
    elif isinstance(node, ast.NamedExpr | ast.Lambda | ast.IfExp | ast.BoolOp):
        yield Change(INVERT, True, (scope.module.replace(node, b"not (" + scope.module.text(node) + b")"),))
    else:
        if isinstance(node, ast.Call):
            if isinstance(node.func, ast.Name | ast.Attribute) and (helper := scope.helper(node)):
                yield from _changes_in(helper)
            for leaf in (leaf for argument in node.args for leaf in leaves_of(argument)):
                if isinstance(node.func, ast.Attribute) and (splice := change_literal(scope.module, leaf)):
                    yield Change(NESTED_VALUE, False, (splice,))
        yield Change(INVERT, True, (scope.module.replace(node, b"not " + scope.module.text(node)),))


def _of_comparison(scope: TestScope, left: ast.expr, operator: ast.cmpop, right: ast.expr) -> Iterator[Change]:
    if found := _OPERATORS.get(type(operator)):
        _, start = scope.module.span(left)
        end, _ = scope.module.span(right)
        between = scope.module.source[start:end].decode("utf-8", "replace")
        flipped = re.sub(found[0], found[1], between, count=1)
        if flipped != between:
            yield Change(FLIP, True, (Splice(scope.module.path, start, end, flipped.encode("utf-8")),))
        return
    if isinstance(operator, ast.In):
        member = not is_literal(right)
        yield from _of_expected(scope, left if member else right, certain=member)
        return
    yield from _of_expected(scope, _expected_side(scope, left, right), certain=True)


def _expected_side(scope: TestScope, left: ast.expr, right: ast.expr) -> ast.expr:
    """Return the side that says what is expected; the other one calls the code."""
    return left if _code_score(scope, left) < _code_score(scope, right) else right


def _code_score(scope: TestScope, node: ast.expr) -> int:
    if is_literal(node):
        return 0
    if isinstance(node, ast.Name):
        return 1 if scope.resolve(node) or scope.column(node.id) else 4
    if isinstance(node, ast.Call) and last_name(node.func) == "approx":
        return 1
    if isinstance(node, ast.List | ast.Tuple | ast.Set | ast.Dict):
        return 2
    return 3 if any(leaves_of(node)) and not any(isinstance(n, ast.Await) for n in ast.walk(node)) else 5


def _of_expected(scope: TestScope, node: ast.expr, *, certain: bool) -> Iterator[Change]:
    """Yield changes of an expression that says what is expected."""
    if isinstance(node, ast.Call) and last_name(node.func) == "approx" and node.args:
        yield from _of_expected(scope, node.args[0], certain=certain)
        return
    plain = isinstance(node, ast.Constant | ast.UnaryOp | ast.List | ast.Tuple | ast.Set | ast.Dict)
    if splice := change_literal(scope.module, node):
        yield Change(VALUE if plain else NESTED_VALUE, certain and plain, (splice,))
    elif isinstance(node, ast.Name):
        yield from _of_name(scope, node.id)
    wrap = scope.module.replace(node, b"[" + scope.module.text(node) + b"]")
    if not isinstance(node, ast.Starred):
        yield Change(WRAP, certain, (wrap,))


def _of_name(scope: TestScope, name: str) -> Iterator[Change]:
    if column := scope.column(name):
        if changed := scope.modules.remember(column.key, column.change):
            splices, renames = changed
            yield Change(VALUE, False, splices, _follow_id(column, renames) if column.ids and renames else None)
    elif (found := scope.resolve(ast.Name(name, ast.Load()))) and (splice := change_literal(*found)):
        plain = is_literal(found[1])
        yield Change(VALUE if plain else NESTED_VALUE, plain, (splice,))


def _follow_id(column: Column, renames: Mapping[str, str]) -> Callable[[str], str | None]:
    def follow(inside: str) -> str | None:
        assert column.ids is not None
        found = {new for old, part in renames.items() if (new := column.ids(inside, old, part)) is not None}
        return found.pop() if len(found) == 1 else None

    return follow


def _of_call(scope: TestScope, call: ast.Call) -> Iterator[Change]:
    name = last_name(call.func)
    if name in _RAISING or name in _WARNING:
        yield from _of_raising(scope, call, _OTHER_ERRORS if name in _RAISING else _OTHER_WARNINGS)
    elif name in ("assertIn", "assert_in") and len(call.args) >= 2:
        yield from _of_expected(scope, call.args[0], certain=True)
    elif name == "assertRegex" and len(call.args) >= 2:
        yield from _of_expected(scope, call.args[1], certain=False)
    elif _WITH_LITERALS.fullmatch(name):
        for argument in (*call.args, *(k.value for k in call.keywords)):
            yield from _of_expected(scope, argument, certain=True)
    elif name in _FLIPS and isinstance(call.func, ast.Attribute):
        if name in ("assertTrue", "assertFalse") and call.args and isinstance(call.args[0], ast.Compare | ast.BoolOp):
            yield from _of_condition(scope, call.args[0])
        _, start = scope.module.span(call.func.value)
        _, end = scope.module.span(call.func)
        text = scope.module.source[start:end].replace(name.encode(), _FLIPS[name].encode())
        yield Change(FLIP, True, (Splice(scope.module.path, start, end, text),))
    elif _EQUALITIES.fullmatch(name) and len(call.args) >= 2 and name not in ("assert_", "assert"):
        yield from _of_expected(scope, _expected_side(scope, *call.args[:2]), certain=True)
    elif helper := scope.helper(call):
        yield from _changes_in(helper)
    else:
        for argument in call.args:  # `asyncio.run(check())` and the like
            inner = argument if isinstance(argument, ast.Call) else ast.Call(argument, [], [])
            if isinstance(inner.func, ast.Name) and (helper := scope.helper(inner)):
                yield from _changes_in(helper)


def _of_raising(scope: TestScope, call: ast.Call, others: Sequence[str]) -> Iterator[Change]:
    expected = call.args[0] if call.args else next((k.value for k in call.keywords if "expected" in str(k.arg)), None)
    if expected is None:
        return
    known = [getattr(builtins, n.id, None) for n in ast.walk(expected) if isinstance(n, ast.Name)]
    classes = tuple(k for k in known if isinstance(k, type) and issubclass(k, BaseException))
    unlike = [o for o in others if not any(_related(getattr(builtins, o), k) for k in classes)]
    if len(classes) < len(known):  # the project's own may derive from any common one
        unlike = [o for o in unlike if o in _SELDOM_BASES or o in _OTHER_WARNINGS]
    if unlike:
        yield Change(VALUE, True, (scope.module.replace(expected, secrets.choice(unlike).encode()),))


def _related(one: type, other: type) -> bool:
    return issubclass(one, other) or issubclass(other, one)


def _top_statements(body: Sequence[ast.stmt]) -> Iterator[ast.stmt]:
    """Yield the statements that run whenever the function does, if none leaves it early."""
    for node in body:
        yield node
        if isinstance(node, ast.With | ast.AsyncWith):
            yield from _top_statements(node.body[:1])
