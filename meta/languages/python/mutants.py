"""Copies deciding tests so that they expect something else, and so must fail.

A submission can make a test pass without solving it: by a value that equals anything, or by reading in the test what is
expected. Whatever does that passes the changed copy as well, and so gives itself away. A copy is made only where it is
certain to fail with honest code: where one assertion is changed at the top level of a test that has no other way to its
end.
"""

from __future__ import annotations

import ast
import copy
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

MAX_MUTANTS = 4
"""The most copies for one file; each takes as long as its test."""

_WORDS = (
    "again also case early empty first full large last late mixed more new odd old once pair plain same second short "
)
_WORDS += "single small third twice two usual values whole wide"

_OTHER = "_other_value"
"""The function that makes a different value, if the test does not spell the value out."""

_OTHER_SOURCE = f"""

def {_OTHER}(value):
    if type(value) in (int, float, complex):
        return value + 3
    if type(value) in (str, bytes, list, tuple):
        return value + value if value else type(value)([7] if type(value) in (list, tuple) else [])
    return object()
"""

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Mutants:
    """Text to add to a test file, and the node ids of the changed copies in it."""

    text: bytes = b""
    ids: tuple[str, ...] = ()


def invent_name(source: bytes) -> str:
    """Return a name such as people give to tests, and that is not in the file."""
    while True:
        name = "_".join(secrets.choice(_WORDS.split()) for _ in range(2))
        if name.encode() not in source:
            return name


def mutate_tests(source: bytes, tests: Sequence[str]) -> Mutants:
    """Make changed copies of some of these tests, node ids of one file.

    There is none where no change is certain to matter.
    """
    text: list[str] = []
    ids: list[str] = []
    by_function: dict[str, list[str]] = {}
    for test in tests:
        by_function.setdefault(test.partition("[")[0], []).append(test)
    functions = _find_functions(source, frozenset(tuple(base.split("::")[1:]) for base in by_function))
    chosen = list(by_function)
    while chosen and len(text) < MAX_MUTANTS:
        base = chosen.pop(secrets.randbelow(len(chosen)))
        path, *names = base.split("::")
        function = functions.get(tuple(names))
        asserted = list(_find_assertions(function)) if function else []
        if not function or not asserted:
            continue
        name = f"{function.name}_{invent_name(source)}"
        changed = _change_assertion(function, secrets.choice(asserted), name)
        text.append(_place_function(changed, names[:-1]))
        id = secrets.choice(by_function[base])
        ids.append("::".join([path, *names[:-1], name]) + id[len(base) :])
    if not ids:
        return Mutants()
    return Mutants((_OTHER_SOURCE + "".join(text)).encode(), tuple(ids))


@lru_cache(maxsize=64)
def _find_functions(source: bytes, wanted: frozenset[tuple[str, ...]]) -> dict[tuple[str, ...], FunctionNode]:
    """Return the wanted functions of a file by the names that lead to them.

    Keeping the whole tree would take megabytes.
    """
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return {}
    found: dict[tuple[str, ...], FunctionNode] = {}

    def walk(body: Sequence[ast.stmt], names: tuple[str, ...]) -> None:
        for node in body:
            if isinstance(node, ast.ClassDef):
                walk(node.body, (*names, node.name))
            elif isinstance(node, FunctionNode) and (*names, node.name) in wanted:
                found[*names, node.name] = node

    walk(tree.body, ())
    return found


def _find_assertions(function: FunctionNode) -> Iterator[int]:
    """Yield where in the body assertions can be changed with certain effect."""
    for node in ast.walk(function):
        # Another way out, an assertion that is repeated with other values, or one that takes back what it says.
        if isinstance(node, ast.Return | ast.Yield | ast.YieldFrom) or "super" in getattr(node, "id", ""):
            return
    for decorator in function.decorator_list:
        words = ast.unparse(decorator)
        if not words.startswith(("pytest.mark.", "mark.", "parametrize", "mock.patch", "patch", "unittest.mock.patch")):
            return
    for place, node in enumerate(function.body):
        if _mutate_assertion(node) is not None:
            yield place


def _change_assertion(function: FunctionNode, place: int, name: str) -> FunctionNode:
    changed = copy.deepcopy(function)
    changed.name = name
    statement = _mutate_assertion(changed.body[place])
    assert statement is not None
    changed.body[place] = statement
    return changed


def _place_function(function: FunctionNode, classes: Sequence[str]) -> str:
    """Return source that puts the function into its module, or on its class."""
    source = f"\n\n{ast.unparse(function)}\n"
    if classes:
        # Deleted from the module again, where it would be collected without its class.
        source += f"\n{'.'.join(classes)}.{function.name} = {function.name}\ndel {function.name}\n"
    return source


def _mutate_assertion(node: ast.stmt) -> ast.stmt | None:
    """Return the assertion with another expectation.

    `None` if this is not an assertion, or if no change of it is certain to matter.
    """
    if isinstance(node, ast.Assert) and isinstance(node.test, ast.Compare) and len(node.test.ops) == 1:
        pair = _change_expectation(node.test.left, node.test.comparators[0])
        if isinstance(node.test.ops[0], ast.Eq) and pair:
            test = ast.Compare(pair[0], [ast.Eq()], [pair[1]])
            return ast.copy_location(ast.Assert(test, None), node)
    if isinstance(node, ast.Expr) and isinstance(call := node.value, ast.Call) and len(call.args) == 2:
        name = ast.unparse(call.func)
        if name == "self.assertEqual" and (pair := _change_expectation(*call.args)):
            return ast.copy_location(ast.Expr(ast.Call(call.func, list(pair), [])), node)
    return None


def _change_expectation(left: ast.expr, right: ast.expr) -> tuple[ast.expr, ast.expr] | None:
    """Return both sides with the expected one changed; the other calls the code."""
    for changed, other, back in ((right, left, False), (left, right, True)):
        if _is_literal(changed) and not _is_literal(other):
            return (_change_literal(changed), other) if back else (other, _change_literal(changed))
    calls = [any(isinstance(n, ast.Call | ast.Await) for n in ast.walk(side)) for side in (left, right)]
    if calls[0] == calls[1]:
        return None
    if calls[0]:
        return left, ast.Call(ast.Name(_OTHER, ast.Load()), [right], [])
    return ast.Call(ast.Name(_OTHER, ast.Load()), [left], []), right


def _is_literal(node: ast.expr) -> bool:
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return _is_literal(node.operand)
    if isinstance(node, ast.List | ast.Tuple | ast.Set):
        return all(map(_is_literal, node.elts))
    if isinstance(node, ast.Dict):
        return all(
            k is not None and _is_literal(k) and _is_literal(v) for k, v in zip(node.keys, node.values, strict=True)
        )
    return isinstance(node, ast.Constant) and node.value is not Ellipsis


def _change_literal(node: ast.expr) -> ast.expr:
    value = _change_value(ast.literal_eval(node))
    return ast.parse(repr(value), mode="eval").body


def _change_value(value: object) -> object:
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | float):
        return value + 1 + secrets.randbelow(9)
    if isinstance(value, str):
        return value + secrets.choice("abcdefgh")
    if isinstance(value, bytes):
        return value + b"x"
    if isinstance(value, list | tuple) and value:
        place = secrets.randbelow(len(value))
        return type(value)([_change_value(v) if i == place else v for i, v in enumerate(value)])
    if isinstance(value, dict) and value:
        key = secrets.choice(list(value))
        return {**value, key: _change_value(value[key])}
    if isinstance(value, list | set):
        return type(value)([*value, 5])
    return "other"
