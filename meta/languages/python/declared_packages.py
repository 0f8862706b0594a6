"""What a project says it needs, wherever it says it: pyproject.toml, setup.*, tox.ini, requirements files."""

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
    """`runtime`: what importing the project takes; `requirements`: that and what its tests take."""

    name: str
    python: str
    runtime: tuple[str, ...]
    requirements: tuple[str, ...]


def find_declared_packages(tree: CommitTree) -> DeclaredPackages:
    """Everything declared in a commit that the tests may need. Nothing of the project is run."""
    project = _toml(tree.text("pyproject.toml"))
    about = project.get("project", {})
    config = _ini(tree.text("setup.cfg"))
    script = _setup_call(tree.text("setup.py"))
    runtime = [
        *about.get("dependencies", []),
        *_lines(config.get("options", {}).get("install_requires", "")),
        *_strings(script.get("install_requires")),
        *_poetry(project.get("tool", {}).get("poetry", {}).get("dependencies", {})),
    ]
    groups = _groups(project, config, script)
    tox = _tox(tree)
    chosen = [n for n in groups if _FOR_TESTS.match(n)] or [n for n in groups if _FOR_DEVELOPERS.match(n)]
    chosen += [extra for extra in tox.extras if extra in groups and extra not in chosen]
    tests = [r for name in chosen for r in groups[name]]
    tests += _lines(config.get("options", {}).get("tests_require", "")) + _strings(script.get("tests_require"))
    tests += tox.deps
    for path in sorted(tree.files):
        if _REQUIREMENTS.match(path):
            tests += list(_requirements_file(tree, path))
    python = str(about.get("requires-python") or config.get("options", {}).get("python_requires") or "")
    name = str(about.get("name") or config.get("metadata", {}).get("name") or script.get("name") or "")
    everything = [r for r in (*runtime, *tests, "pytest") if r.strip()]
    return DeclaredPackages(name, python, tuple(runtime), tuple(dict.fromkeys(_own_extras(everything, name, groups))))


def requirement_lists_of(tree: CommitTree) -> Iterator[list[str]]:
    """Every list of requirements that a commit holds, for whatever: groups, extras, files, tox's environments."""
    script, config = _setup_call(tree.text("setup.py")), _ini(tree.text("setup.cfg"))
    yield from _groups(_toml(tree.text("pyproject.toml")), config, script).values()
    for path in sorted(tree.files):
        if _ANY_REQUIREMENTS.search(path):
            yield list(_requirements_file(tree, path))
    yield from (_tox_deps(tree, section) for name, section in _tox_sections(tree).items() if name.startswith("testenv"))


def _groups(
    project: Mapping[str, Any], config: Mapping[str, Mapping[str, str]], script: Mapping[str, Any]
) -> dict[str, list[str]]:
    """Named lists of requirements: extras, dependency groups, and what tools have of the kind."""
    about = project.get("project", {})
    groups: dict[str, list[str]] = {}
    for name, wanted in about.get("optional-dependencies", {}).items():
        groups.setdefault(name, []).extend(_strings(wanted))
    for name, text in config.get("options.extras_require", {}).items():
        groups.setdefault(name, []).extend(_lines(text))
    for name, wanted in (script.get("extras_require") or {}).items():
        groups.setdefault(str(name), []).extend(_strings(wanted))
    for name in project.get("dependency-groups", {}):
        groups.setdefault(name, []).extend(_group(project["dependency-groups"], name))
    add_tool_groups(project.get("tool", {}), groups)
    return groups


def add_tool_groups(tool: Mapping[str, Any], groups: dict[str, list[str]]) -> None:
    """Add the groups that poetry, pdm, hatch and uv keep in tables of their own."""
    poetry = tool.get("poetry", {})
    for name, table in poetry.get("group", {}).items():
        groups.setdefault(name, []).extend(_poetry(table.get("dependencies", {})))
    groups.setdefault("dev", []).extend(_poetry(poetry.get("dev-dependencies", {})))
    for name, wanted in tool.get("pdm", {}).get("dev-dependencies", {}).items():
        groups.setdefault(name, []).extend(_strings(wanted))
    groups.setdefault("dev", []).extend(_strings(tool.get("uv", {}).get("dev-dependencies")))
    for name, table in tool.get("hatch", {}).get("envs", {}).items():
        group = "test" if name in ("default", "hatch-test") else name
        for key in ("dependencies", "extra-dependencies"):
            groups.setdefault(group, []).extend(_strings(table.get(key)))


def drop_local_requirements(requirements: Iterable[str]) -> Iterator[str]:
    """Only what an index can give: no paths, no links, no options."""
    for requirement in requirements:
        text = requirement.split(" #")[0].strip()
        if text and not text.startswith(("-", ".", "/", "#")) and "://" not in text and "{" not in text:
            yield text


def _own_extras(requirements: Iterable[str], name: str, groups: Mapping[str, list[str]]) -> Iterator[str]:
    """ "project[test]" inside the project's own lists stands for what that extra lists."""
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


def _tox(tree: CommitTree) -> _Tox:
    section = _tox_sections(tree).get("testenv", {})
    return _Tox(_tox_deps(tree, section), _lines(section.get("extras", "")))


def _tox_sections(tree: CommitTree) -> dict[str, dict[str, str]]:
    text = tree.text("tox.ini")
    if not text:
        project = _toml(tree.text("pyproject.toml")).get("tool", {}).get("tox", {})
        text = str(project.get("legacy_tox_ini", ""))
    return _ini(text)


def _tox_deps(tree: CommitTree, section: Mapping[str, str]) -> list[str]:
    deps = []
    for line in _lines(section.get("deps", "")):
        factor, colon, rest = line.partition(":")
        conditional = bool(colon) and bool(re.fullmatch(r"[\w,!{}. -]+", factor)) and "://" not in line
        requirement = rest.strip() if conditional else line
        if conditional and ("!" in factor or re.search(r"(lowest|min|old|pypy|py2|dev|main)", factor)):
            continue
        if found := re.match(r"(?:-r|--requirement[= ])\s*(?:\{toxinidir\}/)?(\S+)", requirement):
            deps += list(_requirements_file(tree, found[1]))
        else:
            deps.append(requirement)
    return deps


def _requirements_file(tree: CommitTree, path: str, depth: int = 0) -> Iterator[str]:
    for line in tree.text(path).splitlines():
        text = re.split(r"\s#", line.strip())[0].split(" --hash")[0].rstrip("\\ ")
        if found := re.match(r"(?:-r|--requirement[= ])\s*(\S+)", text):
            if depth < 5:
                nested = PurePosixPath(path).parent / found[1]
                yield from _requirements_file(tree, str(nested), depth + 1)
        elif text and not text.startswith(("#", "-")):
            yield text


def _poetry(table: Mapping[str, Any]) -> list[str]:
    """Poetry's own version language, read loosely: caret and tilde become lower bounds."""
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


def _group(groups: Mapping[str, Any], name: str, depth: int = 0) -> list[str]:
    found: list[str] = []
    for entry in groups.get(name, []):
        if isinstance(entry, str):
            found.append(entry)
        elif isinstance(entry, dict) and depth < 9:
            found += _group(groups, str(entry.get("include-group", "")), depth + 1)
    return found


def _setup_call(text: str) -> dict[str, Any]:
    """The literal arguments of `setup(...)`, names looked up among the script's literal assignments."""
    with contextlib.suppress(SyntaxError, ValueError):
        module = ast.parse(text)
        known: dict[str, Any] = {}
        for node in module.body:
            if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
                with contextlib.suppress(ValueError):
                    known[node.targets[0].id] = ast.literal_eval(node.value)
        for call in ast.walk(module):
            if isinstance(call, ast.Call) and getattr(call.func, "attr", getattr(call.func, "id", "")) == "setup":
                return {k.arg: _literal(k.value, known) for k in call.keywords if k.arg}
    return {}


def _literal(node: ast.expr | None, known: Mapping[str, Any]) -> Any:
    """What an expression stands for; of lists and tables, those parts that are written out."""
    if isinstance(node, ast.Name):
        return known.get(node.id)
    if isinstance(node, ast.Dict):
        pairs = (
            (_literal(key, known), _literal(value, known)) for key, value in zip(node.keys, node.values, strict=True)
        )
        return {key: value for key, value in pairs if isinstance(key, str) and value is not None}
    if isinstance(node, ast.List | ast.Tuple | ast.Set):
        return [value for part in node.elts if (value := _literal(part, known)) is not None]
    if node is not None:
        with contextlib.suppress(ValueError):
            return ast.literal_eval(node)
    return None


def _toml(text: str) -> dict[str, Any]:
    with contextlib.suppress(tomllib.TOMLDecodeError):
        return tomllib.loads(text)
    return {}


def _ini(text: str) -> dict[str, dict[str, str]]:
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    with contextlib.suppress(configparser.Error):
        parser.read_string(text)
    return {name: dict(parser.items(name)) for name in parser.sections()}


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip() and not line.strip().startswith("#")]


def _strings(value: Any) -> list[str]:
    return [v for v in value if isinstance(v, str)] if isinstance(value, (list, tuple, set)) else []
