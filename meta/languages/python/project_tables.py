"""Reads what a project declares of itself in `pyproject.toml`, `setup.cfg` and `setup.py`."""

from __future__ import annotations

import ast
import configparser
import contextlib
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from packaging.utils import canonicalize_name

from meta.environments.commit_tree import CommitTree
from meta.languages.python.poetry_tables import read_poetry_extras, read_poetry_python, read_poetry_table
from meta.languages.python.requirement_files import keep_strings, read_requirement_file, split_setting

Table = Mapping[str, Any]


@dataclass
class ProjectTables:
    """What the three files say together; `groups` are extras, dependency groups, and tools' own lists, by name."""

    name: str = ""
    python: str = ""
    runtime: list[str] = field(default_factory=list)
    tests: list[str] = field(default_factory=list)
    groups: dict[str, list[str]] = field(default_factory=dict)

    def add(self, group: str, requirements: list[str]) -> None:
        """Add requirements to a group; names are compared as those of packages are."""
        self.groups.setdefault(canonicalize_name(group), []).extend(requirements)


def read_project_tables(tree: CommitTree) -> ProjectTables:
    """Return everything that a commit declares. Nothing of the project is run."""
    found = ProjectTables()
    project = parse_toml(tree.text("pyproject.toml"))
    _add_standard_tables(found, tree, project)
    _add_poetry_tables(found, _table(project, "tool", "poetry"))
    _add_tool_groups(found, _table(project, "tool"))
    _add_setup_cfg(found, tree, parse_ini(tree.text("setup.cfg")))
    _add_setup_call(found, _read_setup_call(tree.text("setup.py")))
    return found


def _add_standard_tables(found: ProjectTables, tree: CommitTree, project: Table) -> None:
    about, dynamic = _table(project, "project"), _table(project, "tool", "setuptools", "dynamic")
    found.name, found.python = str(about.get("name") or ""), str(about.get("requires-python") or "")
    found.runtime += keep_strings(about.get("dependencies"))
    found.runtime += _read_files(tree, _table(dynamic, "dependencies").get("file"))
    for name, wanted in _table(about, "optional-dependencies").items():
        found.add(name, keep_strings(wanted))
    for name, wanted in _table(dynamic, "optional-dependencies").items():
        found.add(name, _read_files(tree, _table({"it": wanted}, "it").get("file")))
    groups: Table = {canonicalize_name(name): wanted for name, wanted in _table(project, "dependency-groups").items()}
    for name in groups:
        found.add(name, list(_read_group(groups, name, frozenset())))


def _add_poetry_tables(found: ProjectTables, poetry: Table) -> None:
    found.name = found.name or str(poetry.get("name") or "")
    found.python = found.python or read_poetry_python(poetry)
    found.runtime += read_poetry_table(_table(poetry, "dependencies"))
    for name, table in _table(poetry, "group").items():
        found.add(name, read_poetry_table(_table({"it": table}, "it", "dependencies")))
    found.add("dev", read_poetry_table(_table(poetry, "dev-dependencies")))
    for name, wanted in read_poetry_extras(poetry).items():
        found.add(name, wanted)


def _add_tool_groups(found: ProjectTables, tool: Table) -> None:
    """Add the groups that pdm, hatch and uv keep in tables of their own."""
    for name, wanted in _table(tool, "pdm", "dev-dependencies").items():
        found.add(name, keep_strings(wanted))
    found.add("dev", keep_strings(_table(tool, "uv").get("dev-dependencies")))
    for name, table in _table(tool, "hatch", "envs").items():
        for key in ("dependencies", "extra-dependencies"):
            group = "test" if name in ("default", "hatch-test") else name
            found.add(group, keep_strings(_table({"it": table}, "it").get(key)))


def _add_setup_cfg(found: ProjectTables, tree: CommitTree, config: Mapping[str, Mapping[str, str]]) -> None:
    options, extras = config.get("options", {}), config.get("options.extras_require", {})
    found.name = found.name or config.get("metadata", {}).get("name", "")
    found.python = found.python or options.get("python_requires", "")
    found.runtime += _read_setting(tree, options.get("install_requires", ""))
    found.tests += _read_setting(tree, options.get("tests_require", ""))
    for name, text in extras.items():
        found.add(name, _read_setting(tree, text))


def _add_setup_call(found: ProjectTables, call: Table) -> None:
    for key in ("name", "python"):
        value = call.get("python_requires" if key == "python" else key)
        if not getattr(found, key) and isinstance(value, str):
            setattr(found, key, value)
    found.runtime += keep_strings(call.get("install_requires"))
    found.tests += keep_strings(call.get("tests_require"))
    for name, wanted in _table(call, "extras_require").items():
        found.add(str(name).partition(":")[0], keep_strings(wanted))


def _read_setting(tree: CommitTree, text: str) -> list[str]:
    """Return a list in setup.cfg; `file: a.txt, b.txt` stands for what those files hold."""
    if not text.strip().startswith("file:"):
        return split_setting(text)
    names = text.strip().removeprefix("file:").replace("\n", ",").split(",")
    return _read_files(tree, [name.strip() for name in names if name.strip()])


def _read_files(tree: CommitTree, names: object) -> list[str]:
    paths = [names] if isinstance(names, str) else keep_strings(names)
    return [requirement for path in paths for requirement in read_requirement_file(tree, path)]


def _read_group(groups: Table, name: str, within: frozenset[str]) -> Iterator[str]:
    """Yield a dependency group (PEP 735) with those that it includes."""
    entries = groups.get(name, [])
    for entry in entries if isinstance(entries, list) and name not in within else []:
        if isinstance(entry, str):
            yield entry
        elif isinstance(entry, dict):
            yield from _read_group(groups, canonicalize_name(str(entry.get("include-group", ""))), within | {name})


def _read_setup_call(text: str) -> dict[str, Any]:
    """Return the literal arguments of `setup(...)`, with literal variables resolved."""
    with contextlib.suppress(SyntaxError, ValueError):
        module = ast.parse(text)
        known: dict[str, Any] = {}
        for node in module.body:
            if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
                known[node.targets[0].id] = _evaluate_literal(node.value, known)
        for call in ast.walk(module):
            if isinstance(call, ast.Call) and getattr(call.func, "attr", getattr(call.func, "id", "")) == "setup":
                return {k.arg: _evaluate_literal(k.value, known) for k in call.keywords if k.arg}
    return {}


def _evaluate_literal(node: ast.expr | None, known: Mapping[str, Any]) -> Any:
    """Return an expression's value; of lists and dictionaries, the literal parts."""
    if isinstance(node, ast.Name):
        return known.get(node.id)
    if isinstance(node, ast.Dict):
        pairs = (
            (_evaluate_literal(key, known), _evaluate_literal(value, known))
            for key, value in zip(node.keys, node.values, strict=True)
        )
        return {key: value for key, value in pairs if isinstance(key, str) and value is not None}
    if isinstance(node, ast.List | ast.Tuple | ast.Set):
        return [value for part in node.elts if (value := _evaluate_literal(part, known)) is not None]
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        sides = [_evaluate_literal(side, known) for side in (node.left, node.right)]
        return [part for side in sides if isinstance(side, list) for part in side] or None
    if node is not None:
        with contextlib.suppress(ValueError):
            return ast.literal_eval(node)
    return None


def _table(tables: Table, *names: str) -> Table:
    """Return a nested table; empty where it is missing or something else."""
    found: Any = tables
    for name in names:
        found = found.get(name) if isinstance(found, Mapping) else None
    return found if isinstance(found, Mapping) else {}


def parse_toml(text: str) -> dict[str, Any]:
    """Return a TOML document; empty if it is none."""
    with contextlib.suppress(tomllib.TOMLDecodeError):
        return tomllib.loads(text)
    return {}


def parse_ini(text: str) -> dict[str, dict[str, str]]:
    """Return the sections of an INI file; those read before an error count."""
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    with contextlib.suppress(configparser.Error):
        parser.read_string(text)
    return {name: dict(parser.items(name)) for name in parser.sections()}
