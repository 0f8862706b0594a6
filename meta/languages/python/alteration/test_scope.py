"""Follows names in a test: to the value, the table column or the helper that they stand for."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from meta.languages.python.alteration.tables import Column, loop_column, parametrized_column
from meta.languages.python.alteration.test_module import FunctionNode, TestModule, TestModules, sole_assignment

MAX_HELPER_DEPTH = 3
"""How far helpers that call helpers are followed."""


@dataclass(frozen=True)
class TestScope:
    """A function whose assertions are looked for, and what its parameters are bound to."""

    __test__ = False
    modules: TestModules
    module: TestModule
    function: FunctionNode
    classes: tuple[str, ...]
    decorators: tuple[ast.expr, ...] = ()
    bound: Mapping[str, tuple[TestModule, ast.expr]] | None = None
    depth: int = 0

    def resolve(self, node: ast.expr, seen: int = 0) -> tuple[TestModule, ast.expr] | None:
        """Follow a name to the value that it stands for."""
        if not isinstance(node, ast.Name) or seen > 4:
            return None
        if self.bound and node.id in self.bound:
            return self.bound[node.id]
        home, value = self.module, sole_assignment(list(statements_of(self.function)), node.id)
        if value is None:
            value = self.module.assignment(node.id)
        if value is None and (found := self.modules.home_of(self.module, node.id)):
            home, value = found[0], found[0].assignment(found[1])
        if value is None:
            return self._fixture_value(node.id)
        if isinstance(value, ast.Name):
            return replace(self, module=home).resolve(value, seen + 1)
        return home, value

    def column(self, name: str) -> Column | None:
        """Return the table column that a name runs over."""
        if found := loop_column(self.module, self.function, name, self.resolve):
            return found
        return parametrized_column(self.module, self.decorators, name, self.resolve)

    def _fixture_value(self, name: str) -> tuple[TestModule, ast.expr] | None:
        function = self.module.function((name,))
        if function is None or not any("fixture" in ast.unparse(d) for d in function.decorator_list):
            return None
        values = [n.value for n in ast.walk(function) if isinstance(n, ast.Return | ast.Yield) and n.value]
        return (self.module, values[0]) if len(values) == 1 else None

    def helper(self, call: ast.Call) -> TestScope | None:
        """Return the scope of a helper of the tests that is called."""
        if self.depth >= MAX_HELPER_DEPTH:
            return None
        home, skip = self.module, 0
        names: tuple[str, ...] = ()
        if isinstance(call.func, ast.Name):
            names = (call.func.id,)
            if self.module.function(names) is None and (found := self.modules.home_of(self.module, call.func.id)):
                home, names = found[0], (found[1],)
        elif isinstance(call.func, ast.Attribute) and isinstance(call.func.value, ast.Name):
            if call.func.value.id not in ("self", "cls"):
                return None
            names, skip = (*self.classes, call.func.attr), 1
        within = [n for n in ast.walk(self.function) if isinstance(n, FunctionNode) and (n.name,) == names]
        function = within[0] if within else home.function(names) if names else None
        if function is None or function is self.function:
            return None
        parameters = [a.arg for a in (*function.args.posonlyargs, *function.args.args)][skip:]
        given = dict(zip(parameters, call.args, strict=False))
        given |= {k.arg: k.value for k in call.keywords if k.arg}
        bound = {name: self.resolve(value) or (self.module, value) for name, value in given.items()}
        return TestScope(self.modules, home, function, self.classes, (), bound, self.depth + 1)


def open_scope(modules: TestModules, module: TestModule, names: Sequence[str]) -> TestScope | None:
    """Return the scope of the test that these names lead to in its module, if there is one."""
    function = module.function(names)
    if function is None:
        return None
    decorators = [*function.decorator_list]
    body: Sequence[ast.stmt] = module.tree.body
    for name in names[:-1]:
        found = next((n for n in body if isinstance(n, ast.ClassDef) and n.name == name), None)
        decorators += found.decorator_list if found else []
        body = found.body if found else []
    marks = sole_assignment(module.tree.body, "pytestmark")
    decorators += marks.elts if isinstance(marks, ast.List | ast.Tuple) else [marks] if marks else []
    return TestScope(modules, module, function, tuple(names[:-1]), tuple(decorators))


def statements_of(function: FunctionNode) -> Iterator[ast.stmt]:
    """Yield the statements of a function, nested ones too, without those of functions within."""
    waiting: list[ast.stmt] = list(reversed(function.body))
    while waiting:
        node = waiting.pop()
        yield node
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            continue
        inner: list[ast.stmt] = []
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.stmt):
                inner.append(child)
            elif isinstance(child, ast.ExceptHandler | ast.match_case):
                inner += child.body
        waiting += reversed(inner)
