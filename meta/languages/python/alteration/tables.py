"""Finds where the rows that a test runs over hold what it expects, and changes that column."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from meta.languages.python.alteration.literals import change_literal
from meta.languages.python.alteration.test_module import FunctionNode, Splice, TestModule, last_name

Resolve = Callable[[ast.expr], tuple[TestModule, ast.expr] | None]
"""Follows a name to the value that it stands for, and the module that holds it."""


@dataclass(frozen=True)
class Column:
    """The expected values of a table, one a row."""

    module: TestModule
    cells: tuple[ast.expr, ...]
    ids: Callable[[str, str, str], str | None] | None = None
    """Renames what stands in a test id's brackets, given a cell's old and new id part; `None` if ids stay."""

    @property
    def key(self) -> tuple[object, ...]:
        """Where the cells stand: two tests that share a table share its change."""
        return (self.module.path, *map(self.module.span, self.cells))

    def change(self) -> tuple[tuple[Splice, ...], Mapping[str, str]] | None:
        """Change every row; return the splices, and each changed id part with its new text.

        `None` if some row spells no value out.
        """
        splices, renames, drawn = [], dict[str, str](), dict[bytes, bytes]()
        for cell in self.cells:
            old = self.module.text(cell)
            splice = change_literal(self.module, cell)
            if splice is None:
                return None
            start, _ = self.module.span(cell)
            new = old[: splice.start - start] + splice.text + old[splice.end - start :]
            new = drawn.setdefault(old, new)  # equal cells stay equal, as their ids do
            splices.append(self.module.replace(cell, new))
            parts = _id_part(old), _id_part(new)
            if parts[0] is not None and parts[1] is not None:
                renames[parts[0]] = parts[1]
        return tuple(splices), renames


@dataclass(frozen=True)
class Place:
    """Which of the names that a table fills is meant."""

    names: tuple[str, ...]
    name: str

    def cell_of(self, row: ast.expr) -> ast.expr | None:
        """Return the row's cell."""
        if isinstance(row, ast.Call) and last_name(row.func) == "param":
            values: Sequence[ast.expr] = row.args
        elif len(self.names) == 1:
            return row
        elif isinstance(row, ast.Tuple | ast.List):
            values = row.elts
        else:
            return None
        place = self.names.index(self.name)
        return values[place] if place < len(values) else None


def parametrized_column(
    module: TestModule, decorators: Sequence[ast.expr], name: str, resolve: Resolve
) -> Column | None:
    """Return the column that `parametrize` gives to an argument."""
    tables = [d for d in decorators if isinstance(d, ast.Call) and last_name(d.func) == "parametrize"]
    for call in tables:
        given = {k.arg: k.value for k in call.keywords}
        names_node = call.args[0] if call.args else given.get("argnames")
        rows_node = call.args[1] if len(call.args) > 1 else given.get("argvalues")
        names = _argument_names(names_node)
        if name not in names or rows_node is None:
            continue
        cells = _cells(rows_node, Place(names, name), resolve, module)
        if cells is None:
            return None
        explicit = "ids" in given or len(call.args) > 3
        place = names.index(name)
        where = "any" if len(tables) > 1 else "last" if place == len(names) - 1 else "first" if place == 0 else "any"
        return Column(*cells, ids=None if explicit else _renamer(where, only=len(names) == len(tables) == 1))
    return None


def loop_column(module: TestModule, function: FunctionNode, name: str, resolve: Resolve) -> Column | None:
    """Return the column that a loop of the function gives to a name."""
    for node in ast.walk(function):
        if isinstance(node, ast.For | ast.AsyncFor):
            target, rows = node.target, node.iter
            if isinstance(rows, ast.Call):
                target, rows = _unwrap_iteration(target, rows, name)
            names = _target_names(target)
            if name in names:
                cells = _cells(rows, Place(names, name), resolve, module)
                return Column(*cells) if cells else None
    return None


def _unwrap_iteration(target: ast.expr, call: ast.Call, name: str) -> tuple[ast.expr, ast.expr]:
    """Look through `enumerate`, `zip` and `.items()`."""
    inner = target.elts if isinstance(target, ast.Tuple | ast.List) else []
    called = last_name(call.func)
    if called == "enumerate" and len(inner) == 2 and call.args:
        return inner[1], call.args[0]
    if called == "zip" and len(inner) == len(call.args):
        for part, rows in zip(inner, call.args, strict=True):
            if isinstance(part, ast.Name) and part.id == name:
                return part, rows
    if called == "items" and isinstance(call.func, ast.Attribute) and len(inner) == 2:
        return (inner[1], call.func) if isinstance(inner[1], ast.Name) and inner[1].id == name else (target, call)
    return target, call


def _cells(
    rows: ast.expr, place: Place, resolve: Resolve, module: TestModule
) -> tuple[TestModule, tuple[ast.expr, ...]] | None:
    items = isinstance(rows, ast.Attribute) and rows.attr == "items"
    found = resolve(rows.value if items and isinstance(rows, ast.Attribute) else rows) or (module, rows)
    home, table = found
    if isinstance(table, ast.Dict):
        return (home, tuple(table.values)) if items and table.values else None
    if not isinstance(table, ast.List | ast.Tuple | ast.Set) or not table.elts:
        return None
    cells = [place.cell_of(row) for row in table.elts]
    return None if None in cells else (home, tuple(cell for cell in cells if cell is not None))


def _argument_names(node: ast.expr | None) -> tuple[str, ...]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return tuple(name.strip() for name in node.value.split(",") if name.strip())
    if isinstance(node, ast.List | ast.Tuple):
        return tuple(str(e.value) for e in node.elts if isinstance(e, ast.Constant))
    return ()


def _target_names(node: ast.expr) -> tuple[str, ...]:
    if isinstance(node, ast.Name):
        return (node.id,)
    if isinstance(node, ast.Tuple | ast.List):
        return tuple(e.id if isinstance(e, ast.Name) else "" for e in node.elts)
    return ()


def _id_part(text: bytes) -> str | None:
    """Return what pytest makes of a value in a test id; `None` if that does not depend on it."""
    try:
        value = ast.literal_eval(text.decode("utf-8"))
    except (ValueError, SyntaxError):
        return None
    if isinstance(value, str):
        return value.encode("unicode_escape").decode("ascii")
    if isinstance(value, bytes):
        return value.decode("ascii", "backslashreplace")
    return str(value) if value is None or isinstance(value, bool | int | float | complex) else None


def _renamer(where: str, *, only: bool) -> Callable[[str, str, str], str | None]:
    def rename(inside: str, old: str, new: str) -> str | None:
        found = list(_places(inside, old))
        if only:
            found = [place for place in found if place == 0 and len(old) == len(inside)]
        elif where == "last":
            found = [place for place in found if place + len(old) == len(inside)]
        elif where == "first":
            found = [place for place in found if place == 0]
        if len(found) != 1:
            return None
        return inside[: found[0]] + new + inside[found[0] + len(old) :]

    return rename


def _places(inside: str, part: str) -> Iterator[int]:
    """Yield where a part stands in brackets, with nothing or a dash on either side."""
    start = inside.find(part)
    while start >= 0:
        end = start + len(part)
        if (start == 0 or inside[start - 1] == "-") and (end == len(inside) or inside[end] == "-"):
            yield start
        start = inside.find(part, start + 1)
