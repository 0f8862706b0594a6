"""Finds which code of a test can run, and whose failure is heard.

A test is emptied without deleting a line: under a condition that never holds, behind a return, in a function that
nobody calls, or where something catches every failure.
"""

from __future__ import annotations

import ast
import contextlib
import operator as operators
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef

Definition = FunctionNode | ast.ClassDef

_CATCHES_FAILURES = frozenset({"AssertionError", "Exception", "BaseException"})
_COMPARISONS: Mapping[type[ast.cmpop], Callable[[Any, Any], bool]] = {
    ast.Eq: operators.eq,
    ast.NotEq: operators.ne,
    ast.Lt: operators.lt,
    ast.LtE: operators.le,
    ast.Gt: operators.gt,
    ast.GtE: operators.ge,
    ast.Is: operators.is_,
    ast.IsNot: operators.is_not,
}
_SWALLOWERS = frozenset({"suppress", "raises", "assertRaises", "assertRaisesRegex"})


def find_live_parts(body: Sequence[ast.stmt]) -> list[ast.AST]:
    """Return the statements and conditions that can run, without what is nested in them.

    A function or class that is defined inside counts where its name is used.
    """
    parts, definitions = list[ast.AST](), list[Definition]()
    _collect(body, parts, definitions)
    while used := [node for node in definitions if node.decorator_list or node.name in _names_in(parts)]:
        for node in used:
            definitions.remove(node)
            _collect(node.body, parts, definitions)
    return parts


def find_own_parts(body: Sequence[ast.stmt]) -> list[ast.AST]:
    """Return the same without the functions and classes that are defined inside."""
    parts = list[ast.AST]()
    _collect(body, parts, [])
    return parts


def flatten_live(body: Sequence[ast.stmt]) -> Iterator[ast.stmt]:
    """Yield the statements of a module or class, also those under conditions that may hold."""
    for node in body:
        if isinstance(node, ast.If):
            yield from (inner for branch in _live_branches(node) for inner in flatten_live(branch))
        elif isinstance(node, ast.Try | ast.TryStar):
            handled = (handler.body for handler in node.handlers)
            for branch in (node.body, *handled, node.orelse, node.finalbody):
                yield from flatten_live(branch)
        elif isinstance(node, ast.With | ast.For | ast.While):
            yield from flatten_live(node.body)
        else:
            yield node
            if isinstance(node, ast.Raise):
                return


def truth_of(node: ast.expr) -> bool | None:
    """Return what an expression is always; `None` if that depends on something."""
    match node:
        case ast.Constant():
            return bool(node.value)
        case ast.Name(id="TYPE_CHECKING") | ast.Attribute(attr="TYPE_CHECKING"):
            return False
        case ast.Name(id="__debug__") | ast.Lambda():
            return True
        case ast.Tuple() | ast.List() | ast.Set():
            return bool(node.elts) if not any(isinstance(e, ast.Starred) for e in node.elts) else None
        case ast.Dict():
            return bool(node.keys) if None not in node.keys else None
        case ast.UnaryOp(op=ast.Not()):
            inner = truth_of(node.operand)
            return None if inner is None else not inner
        case ast.BoolOp():
            return _truth_of_all(node)
        case ast.NamedExpr():
            return truth_of(node.value)
        case ast.IfExp():
            return truth_of(node.body) if truth_of(node.body) == truth_of(node.orelse) else None
        case ast.Compare(ops=[operator], comparators=[right]):
            return _truth_of_comparison(node.left, operator, right)
    return None


def _truth_of_all(node: ast.BoolOp) -> bool | None:
    decides = isinstance(node.op, ast.Or)
    found = [truth_of(value) for value in node.values]
    if decides in found:
        return decides
    return None if None in found else not decides


def _truth_of_comparison(left: ast.expr, operator: ast.cmpop, right: ast.expr) -> bool | None:
    if ast.dump(left) == ast.dump(right):
        if isinstance(operator, ast.Eq | ast.Is | ast.LtE | ast.GtE):
            return True
        return False if isinstance(operator, ast.NotEq | ast.IsNot | ast.Lt | ast.Gt) else None
    if isinstance(left, ast.Constant) and isinstance(right, ast.Constant):
        compare = _COMPARISONS.get(type(operator))
        with contextlib.suppress(TypeError):
            return bool(compare(left.value, right.value)) if compare else None
    return None


def _collect(body: Sequence[ast.stmt], parts: list[ast.AST], definitions: list[Definition]) -> bool:
    """Add what can run, and return whether nothing after it can."""
    for node in body:
        if isinstance(node, Definition):
            definitions.append(node)
            parts.extend(node.decorator_list)
        elif isinstance(node, ast.If | ast.While | ast.For | ast.AsyncFor | ast.Try | ast.TryStar | ast.Match):
            if _collect_branches(node, parts, definitions):
                return True
        elif isinstance(node, ast.With | ast.AsyncWith):
            parts.extend(item.context_expr for item in node.items)
            if any(map(_swallows, node.items)):
                continue
            if _collect(node.body, parts, definitions):
                return True
        else:
            parts.append(node)
            if isinstance(node, ast.Return | ast.Raise | ast.Continue | ast.Break):
                return True
    return False


def _collect_branches(node: ast.stmt, parts: list[ast.AST], definitions: list[Definition]) -> bool:
    """Add what can run of a compound statement, and return whether nothing after it can."""
    match node:
        case ast.If():
            parts.append(node.test)
            ended = [_collect(branch, parts, definitions) for branch in _live_branches(node)]
            return all(ended)
        case ast.While():
            parts.append(node.test)
            always = truth_of(node.test)
            ends = always is not False and _collect(node.body, parts, definitions)
            _collect(node.orelse, parts, definitions)
            return ends and always is True and not isinstance(node.body[-1], ast.Break | ast.Continue)
        case ast.For() | ast.AsyncFor():
            parts.append(node.iter)
            if not _is_empty(node.iter):
                _collect(node.body, parts, definitions)
            _collect(node.orelse, parts, definitions)
        case ast.Try() | ast.TryStar():
            if not any(map(_catches_failures, node.handlers)):
                _collect(node.body, parts, definitions)
            for branch in (*(handler.body for handler in node.handlers), node.orelse):
                _collect(branch, parts, definitions)
            return _collect(node.finalbody, parts, definitions)
        case ast.Match():
            parts.append(node.subject)
            for case in node.cases:
                _collect(case.body, parts, definitions)
    return False


def _live_branches(node: ast.If) -> list[list[ast.stmt]]:
    """Return the branches that can be taken; an `else` that is not there is empty."""
    always = truth_of(node.test)
    return [*([node.body] if always is not False else []), *([node.orelse] if always is not True else [])]


def _is_empty(node: ast.expr) -> bool:
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        if node.func.id in ("range", "list", "tuple", "set", "dict", "iter", "enumerate", "sorted", "reversed"):
            none = not node.args and node.func.id != "range"
            return none or all(truth_of(argument) is False for argument in node.args)
        return False
    return truth_of(node) is False


def _catches_failures(handler: ast.ExceptHandler) -> bool:
    """Say whether a failed assertion ends in this handler and is not raised again."""
    if any(isinstance(node, ast.Raise) for statement in handler.body for node in ast.walk(statement)):
        return False
    return handler.type is None or bool(_CATCHES_FAILURES & _names_in([handler.type]))


def _swallows(item: ast.withitem) -> bool:
    """Say whether a context swallows failed assertions."""
    call = item.context_expr
    if not isinstance(call, ast.Call) or not _names_in([call.func]) & _SWALLOWERS:
        return False
    return bool(_CATCHES_FAILURES & _names_in(call.args))


def _names_in(nodes: Sequence[ast.AST]) -> set[str]:
    found = set[str]()
    for part in nodes:
        for node in ast.walk(part):
            if isinstance(node, ast.Name):
                found.add(node.id)
            elif isinstance(node, ast.Attribute):
                found.add(node.attr)
    return found
