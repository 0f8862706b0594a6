"""The house keeps its rules: what stands in which room, by a look at the code itself."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("meta", "worker_agent", "feedback", "safeguards")
NOT_OURS = ("meta/demo/tidybooks", "meta/demo/changes", "meta/demo/agent")

SQL = re.compile(
    r"\b(select\s.+\sfrom\s|insert\s+(or\s+\w+\s+)?into\s|update\s+\w+\s+set\s|delete\s+from\s"
    r"|(create|drop|alter)\s+(table|index)\s|^pragma\s)",
    re.IGNORECASE | re.DOTALL,
)
CONDITION = re.compile(r"^\s*\(?\w+ ?(=|!=|>=|<=|<|>|is|in|like) ?(\?|\(|null\b|not\b|').*", re.IGNORECASE | re.DOTALL)
STORE = "meta/store"


def modules() -> Iterator[tuple[str, ast.Module]]:
    """Every module of the product, by its path from the root."""
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            name = path.relative_to(ROOT).as_posix()
            if not name.startswith(NOT_OURS):
                yield name, ast.parse(path.read_text("utf-8"), name)


def strings(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Line and text of every string that is no docstring; what an f-string puts in is an X."""
    standing_alone = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if id(node) in standing_alone:
            continue
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.lineno, node.value
        elif isinstance(node, ast.JoinedStr):
            parts = (str(part.value) if isinstance(part, ast.Constant) else "X" for part in node.values)
            yield node.lineno, "".join(parts)


def sql_in(tree: ast.Module) -> list[tuple[int, str]]:
    """Each string that is SQL: a statement, or a condition with a place for a value."""
    return [(line, text) for line, text in strings(tree) if SQL.search(text) or ("?" in text and CONDITION.match(text))]


def imported_by(tree: ast.Module) -> set[str]:
    """The modules that are imported anywhere in a module, also inside functions."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


def test_sql_stands_in_the_store_alone() -> None:
    found = [
        f"{name}:{line} {text.strip()[:60]!r}"
        for name, tree in modules()
        if not name.startswith(STORE)
        for line, text in sql_in(tree)
    ]
    assert found == []


def test_only_the_store_opens_a_database_or_sees_its_rows() -> None:
    """No other room imports what gives rows, nor the table behind a question."""
    hidden = {"sqlite3", "sqlite_utils", "meta.store.database.RunsDatabase", "meta.store.database.open_database"}
    may_name_its_errors = {"meta/error_messages.py"}
    found = [
        f"{name}: {', '.join(sorted(seen))}"
        for name, tree in modules()
        if not name.startswith(STORE) and (seen := imported_by(tree) & hidden)
        if not (name in may_name_its_errors and seen == {"sqlite3"})
    ]
    assert found == []


PRINTS_ITSELF = ("meta/cli/", "meta/gate/__main__.py", "meta/languages/python/inside/", "meta/demo/standin/__main__.py")
"""The command line, and what runs as a program: the gate's protocol, the test run in the sandbox, the stand-in."""


def test_only_the_command_line_prints_and_asks() -> None:
    found = [
        f"{name}:{node.lineno}"
        for name, tree in modules()
        if name.startswith("meta/") and not name.startswith(PRINTS_ITSELF)
        for node in ast.walk(tree)
        if (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("print", "input"))
        or (
            isinstance(node, ast.Attribute)
            and node.attr in ("stdout", "stderr", "stdin")
            and ast.unparse(node.value) == "sys"
        )
        or (isinstance(node, ast.Import) and any(alias.name == "typer" for alias in node.names))
        or (isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "typer")
    ]
    assert found == []


@pytest.mark.parametrize(
    "code",
    [
        'store.rows("select id from tickets where status = ?", s)',
        'sql = f"select {columns} from {table}"',
        'sql = "insert or replace into cursors (source) values (?)"',
        'sql = "update tickets set\\n held_out = 0"',
        'store.write("delete from replays where id = ?", 1)',
        "store.replays(\"candidate = ? and purpose = 'screen'\", 1)",
        'sql = "version = ?"',
        'store.db.execute("pragma wal_checkpoint(truncate)")',
    ],
)
def test_sql_is_found(code: str) -> None:
    assert sql_in(ast.parse(code))


@pytest.mark.parametrize(
    "code",
    [
        '"""Select one of these from the list. Update it, set a value, delete from the end."""',
        'help = "Update the settings, then set a model."',
        'remedy = "is it a runs.db of this version of meta?"',
        'what = f"roll back proposal {number}? {words}"',
    ],
)
def test_prose_is_not_taken_for_sql(code: str) -> None:
    assert not sql_in(ast.parse(code))
