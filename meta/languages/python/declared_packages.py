"""Finds the packages that a project declares, in any of the usual files."""

from __future__ import annotations

import ast
import configparser
import contextlib
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from meta.environments.commit_tree import CommitTree

_FOR_TESTS = re.compile(r"^(unit-?)?tests?(ing)?([-_].*)?$|^(.*[-_])tests?$", re.IGNORECASE)
_FOR_DEVELOPERS = re.compile(r"^(dev|develop|development|ci)$", re.IGNORECASE)
_REQUIREMENTS = re.compile(
    r"^(requirements?[-_./])?(tests?|testing|dev|develop)([-_.]requirements?)?\.(txt|in)$"
    r"|^requirements?/(tests?|testing|dev)\.(txt|in)$|^tests?/requirements?\.(txt|in)$",
    re.IGNORECASE,
)
_ANY_REQUIREMENTS = re.compile(r"^(\S*[-_.])?requirements?([-_.]\S*)?\.(txt|in)$|^requirements?/[^/]+\.(txt|in)$", re.I)


@dataclass(frozen=True)
class DeclaredPackages:
    """What a project declares, as requirements.

    `runtime` is what importing the project takes; `requirements` is that and what its tests take.
    """

    name: str
    python: str
    runtime: tuple[str, ...]
    requirements: tuple[str, ...]


def find_declared_packages(tree: CommitTree) -> DeclaredPackages:
    """Return everything that a commit declares and its tests may need.

    Nothing of the project is run.
    """
    project = _parse_toml(tree.text("pyproject.toml"))
    about = project.get("project", {})
    config = _parse_ini(tree.text("setup.cfg"))
    script = _read_setup_call(tree.text("setup.py"))
    runtime = [
        *about.get("dependencies", []),
        *_split_lines(config.get("options", {}).get("install_requires", "")),
        *_keep_strings(script.get("install_requires")),
        *_read_poetry(project.get("tool", {}).get("poetry", {}).get("dependencies", {})),
    ]
    groups = _find_groups(project, config, script)
    tox = _read_tox(tree)
    chosen = [n for n in groups if _FOR_TESTS.match(n)] or [n for n in groups if _FOR_DEVELOPERS.match(n)]
    chosen += [extra for extra in tox.extras if extra in groups and extra not in chosen]
    tests = [r for name in chosen for r in groups[name]]
    tests += _split_lines(config.get("options", {}).get("tests_require", "")) + _keep_strings(
        script.get("tests_require")
    )
    tests += tox.deps
    for path in sorted(tree.files):
        if _REQUIREMENTS.match(path):
            tests += list(_read_requirements_file(tree, path))
    python = str(about.get("requires-python") or config.get("options", {}).get("python_requires") or "")
    name = str(about.get("name") or config.get("metadata", {}).get("name") or script.get("name") or "")
    everything = [r for r in (*runtime, *tests, "pytest") if r.strip()]
    return DeclaredPackages(
        name, python, tuple(runtime), tuple(dict.fromkeys(_expand_own_extras(everything, name, groups)))
    )


def requirement_lists_of(tree: CommitTree) -> Iterator[list[str]]:
    """Yield every list of requirements in a commit, whatever it is for.

    These are groups, extras, files and tox's environments.
    """
    script, config = _read_setup_call(tree.text("setup.py")), _parse_ini(tree.text("setup.cfg"))
    yield from _find_groups(_parse_toml(tree.text("pyproject.toml")), config, script).values()
    for path in sorted(tree.files):
        if _ANY_REQUIREMENTS.search(path):
            yield list(_read_requirements_file(tree, path))
    yield from (
        _read_tox_deps(tree, section)
        for name, section in _read_tox_sections(tree).items()
        if name.startswith("testenv")
    )


def _find_groups(
    project: Mapping[str, Any], config: Mapping[str, Mapping[str, str]], script: Mapping[str, Any]
) -> dict[str, list[str]]:
    """Return named lists of requirements: extras, dependency groups, and tools' own."""
    about = project.get("project", {})
    groups: dict[str, list[str]] = {}
    for name, wanted in about.get("optional-dependencies", {}).items():
        groups.setdefault(name, []).extend(_keep_strings(wanted))
    for name, text in config.get("options.extras_require", {}).items():
        groups.setdefault(name, []).extend(_split_lines(text))
    for name, wanted in (script.get("extras_require") or {}).items():
        groups.setdefault(str(name), []).extend(_keep_strings(wanted))
    for name in project.get("dependency-groups", {}):
        groups.setdefault(name, []).extend(_read_group(project["dependency-groups"], name))
    add_tool_groups(project.get("tool", {}), groups)
    return groups


def add_tool_groups(tool: Mapping[str, Any], groups: dict[str, list[str]]) -> None:
    """Add the groups that poetry, pdm, hatch and uv keep in tables of their own."""
    poetry = tool.get("poetry", {})
    for name, table in poetry.get("group", {}).items():
        groups.setdefault(name, []).extend(_read_poetry(table.get("dependencies", {})))
    groups.setdefault("dev", []).extend(_read_poetry(poetry.get("dev-dependencies", {})))
    for name, wanted in tool.get("pdm", {}).get("dev-dependencies", {}).items():
        groups.setdefault(name, []).extend(_keep_strings(wanted))
    groups.setdefault("dev", []).extend(_keep_strings(tool.get("uv", {}).get("dev-dependencies")))
    for name, table in tool.get("hatch", {}).get("envs", {}).items():
        group = "test" if name in ("default", "hatch-test") else name
        for key in ("dependencies", "extra-dependencies"):
            groups.setdefault(group, []).extend(_keep_strings(table.get(key)))


def drop_local_requirements(requirements: Iterable[str]) -> Iterator[str]:
    """Yield what an index can give: no paths, no links, no options."""
    for requirement in requirements:
        text = requirement.split(" #")[0].strip()
        if text and not text.startswith(("-", ".", "/", "#")) and "://" not in text and "{" not in text:
            yield text


def _expand_own_extras(requirements: Iterable[str], name: str, groups: Mapping[str, list[str]]) -> Iterator[str]:
    """Replace "project[test]" in the project's own lists with what that extra lists."""
    own = re.compile(rf"^(?:\.|{re.escape(name or '.')})\s*\[([^\]]+)\]", re.IGNORECASE)
    for requirement in requirements:
        if found := own.match(requirement):
            for extra in found[1].split(","):
                yield from groups.get(extra.strip(), [])
        else:
            yield requirement


@dataclass(frozen=True)
class _Tox:
    deps: list[str]
    extras: list[str]


def _read_tox(tree: CommitTree) -> _Tox:
    section = _read_tox_sections(tree).get("testenv", {})
    return _Tox(_read_tox_deps(tree, section), _split_lines(section.get("extras", "")))


def _read_tox_sections(tree: CommitTree) -> dict[str, dict[str, str]]:
    text = tree.text("tox.ini")
    if not text:
        project = _parse_toml(tree.text("pyproject.toml")).get("tool", {}).get("tox", {})
        text = str(project.get("legacy_tox_ini", ""))
    return _parse_ini(text)


def _read_tox_deps(tree: CommitTree, section: Mapping[str, str]) -> list[str]:
    deps = []
    for line in _split_lines(section.get("deps", "")):
        factor, colon, rest = line.partition(":")
        conditional = bool(colon) and bool(re.fullmatch(r"[\w,!{}. -]+", factor)) and "://" not in line
        requirement = rest.strip() if conditional else line
        if conditional and ("!" in factor or re.search(r"(lowest|min|old|pypy|py2|dev|main)", factor)):
            continue
        if found := re.match(r"(?:-r|--requirement[= ])\s*(?:\{toxinidir\}/)?(\S+)", requirement):
            deps += list(_read_requirements_file(tree, found[1]))
        else:
            deps.append(requirement)
    return deps


def _read_requirements_file(tree: CommitTree, path: str, depth: int = 0) -> Iterator[str]:
    for line in tree.text(path).splitlines():
        text = re.split(r"\s#", line.strip())[0].split(" --hash")[0].rstrip("\\ ")
        if found := re.match(r"(?:-r|--requirement[= ])\s*(\S+)", text):
            if depth < 5:
                nested = PurePosixPath(path).parent / found[1]
                yield from _read_requirements_file(tree, str(nested), depth + 1)
        elif text and not text.startswith(("#", "-")):
            yield text


def _read_poetry(table: Mapping[str, Any]) -> list[str]:
    """Read Poetry's version syntax loosely: caret and tilde become lower bounds."""
    found = []
    for name, wanted in table.items():
        if name == "python" or (isinstance(wanted, dict) and (wanted.get("optional") or "version" not in wanted)):
            continue
        version = wanted.get("version", "") if isinstance(wanted, dict) else wanted
        if not isinstance(version, str):
            continue
        version = re.sub(r"[\^~](?!=)\s*", ">=", version).split("||")[0].strip()
        if version in ("", "*"):
            found.append(name)
        else:
            found.append(f"{name}{version if version[0] in '<>=!~' else '==' + version}")
    return found


def _read_group(groups: Mapping[str, Any], name: str, depth: int = 0) -> list[str]:
    found: list[str] = []
    for entry in groups.get(name, []):
        if isinstance(entry, str):
            found.append(entry)
        elif isinstance(entry, dict) and depth < 9:
            found += _read_group(groups, str(entry.get("include-group", "")), depth + 1)
    return found


def _read_setup_call(text: str) -> dict[str, Any]:
    """Return the literal arguments of `setup(...)`, with literal variables resolved."""
    with contextlib.suppress(SyntaxError, ValueError):
        module = ast.parse(text)
        known: dict[str, Any] = {}
        for node in module.body:
            if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
                with contextlib.suppress(ValueError):
                    known[node.targets[0].id] = ast.literal_eval(node.value)
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
    if node is not None:
        with contextlib.suppress(ValueError):
            return ast.literal_eval(node)
    return None


def _parse_toml(text: str) -> dict[str, Any]:
    with contextlib.suppress(tomllib.TOMLDecodeError):
        return tomllib.loads(text)
    return {}


def _parse_ini(text: str) -> dict[str, dict[str, str]]:
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    with contextlib.suppress(configparser.Error):
        parser.read_string(text)
    return {name: dict(parser.items(name)) for name in parser.sections()}


def _split_lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip() and not line.strip().startswith("#")]


def _keep_strings(value: Any) -> list[str]:
    return [v for v in value if isinstance(v, str)] if isinstance(value, (list, tuple, set)) else []
