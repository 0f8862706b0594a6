"""Reads a test file: its tree, where nodes stand in its bytes, and names."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import Any, TypeVar

from meta.languages.python.test_files import is_test_side
from worker_agent.foreign_tree import OddTree, read_regular_file

T = TypeVar("T")

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Splice:
    """Bytes of a file, from `start` to before `end`, and what replaces them."""

    path: str
    start: int
    end: int
    text: bytes


@dataclass(frozen=True)
class TestModule:
    """A test file and its tree."""

    __test__ = False
    path: str
    source: bytes = field(repr=False)
    tree: ast.Module = field(repr=False, compare=False)
    _lines: tuple[int, ...] = field(repr=False, compare=False)

    def span(self, node: ast.expr) -> tuple[int, int]:
        """Return where a node begins and ends, in bytes."""
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        start = self._lines[node.lineno - 1] + node.col_offset
        return start, self._lines[node.end_lineno - 1] + node.end_col_offset

    def text(self, node: ast.expr) -> bytes:
        """Return a node's source."""
        start, end = self.span(node)
        return self.source[start:end]

    def replace(self, node: ast.expr, text: bytes) -> Splice:
        """Return the splice that puts this text in a node's place."""
        return Splice(self.path, *self.span(node), text)

    def function(self, names: Sequence[str]) -> FunctionNode | None:
        """Return the function that these names lead to, inherited methods included."""
        *classes, name = names
        body: Sequence[ast.stmt] = self.tree.body
        for wanted in classes:
            found = next((n for n in body if isinstance(n, ast.ClassDef) and n.name == wanted), None)
            if found is None:
                return None
            body = self._body_with_bases(found, depth=3)
        functions = [n for n in body if isinstance(n, FunctionNode) and n.name == name]
        return functions[-1] if functions else None

    def _body_with_bases(self, node: ast.ClassDef, depth: int) -> list[ast.stmt]:
        names = {base.id for base in node.bases if isinstance(base, ast.Name)} if depth else set()
        bases = [n for n in self.tree.body if isinstance(n, ast.ClassDef) and n.name in names and n is not node]
        return [s for base in bases for s in self._body_with_bases(base, depth - 1)] + node.body

    def assignment(self, name: str) -> ast.expr | None:
        """Return the value that the module assigns to a name once."""
        return sole_assignment(self.tree.body, name)

    def imports(self, name: str) -> Iterator[tuple[str, str]]:
        """Yield paths that a name may be imported from, each with its name there."""
        here = PurePosixPath(self.path).parent
        for node in self.tree.body:
            if not isinstance(node, ast.ImportFrom):
                continue
            for alias in node.names:
                if (alias.asname or alias.name) != name:
                    continue
                inside = (node.module or "").replace(".", "/")
                roots = [PurePosixPath(*here.parts[: len(here.parts) - node.level + 1])] if node.level else []
                for root in roots or [PurePosixPath(), here]:
                    for ending in (".py", "/__init__.py"):
                        yield (str(root / (inside + ending)) if inside else str(root / "__init__.py")), alias.name


def sole_assignment(body: Sequence[ast.stmt], name: str) -> ast.expr | None:
    """Return what these statements assign to a name, if they do so just once."""
    values = [
        node.value
        for node in body
        if isinstance(node, ast.Assign | ast.AnnAssign)
        for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
        if isinstance(target, ast.Name) and target.id == name
    ]
    return values[0] if len(values) == 1 else None


def last_name(node: ast.expr) -> str:
    """Return the last part of a dotted name; empty for any other expression."""
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


@dataclass(frozen=True)
class TestModules:
    """The test files of a workspace, each read once."""

    __test__ = False
    root: Path
    _remembered: dict[object, Any] = field(default_factory=dict, repr=False, compare=False)

    def remember(self, key: object, make: Callable[[], T]) -> T:
        """Return what was made for this key before, or make it now."""
        if key not in self._remembered:
            self._remembered[key] = make()
        found: T = self._remembered[key]
        return found

    def open(self, path: str) -> TestModule | None:
        """Return a file that belongs to the tests; `None` where there is none to read."""
        if not is_test_side(path):
            return None
        try:
            source = read_regular_file(self.root, path)
        except (OSError, OddTree):
            return None
        return None if source is None else _parse(path, source)

    def home_of(self, module: TestModule, name: str) -> tuple[TestModule, str] | None:
        """Return the module that defines an imported name, with its name there."""
        for path, original in module.imports(name):
            if found := self.open(path):
                return found, original
        return None


@lru_cache(maxsize=16)
def _parse(path: str, source: bytes) -> TestModule | None:
    try:
        source.decode("utf-8")
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    lines = [0, *(match.end() for match in re.finditer(rb"\r\n|\r|\n", source))]
    if source.startswith(b"\xef\xbb\xbf"):  # the tree counts columns without the mark
        lines[0] = 3
    return TestModule(path, source, tree, tuple(lines))
