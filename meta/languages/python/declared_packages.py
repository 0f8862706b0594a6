"""Finds the packages that a project declares, in any of the usual files."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from meta.environments.commit_tree import CommitTree
from meta.languages.python.project_tables import ProjectTables, read_project_tables
from meta.languages.python.requirement_files import find_requirement_files, read_all, read_requirement_file
from meta.languages.python.tool_files import read_conda, read_pipfile, read_tox, tox_lists_of

_FOR_TESTS = re.compile(r"^(unit-?)?tests?(ing)?(-.*)?$|^(.*-)tests?$")
_FOR_DEVELOPERS = re.compile(r"^(dev|develop|development|ci)$")
_PYTEST = re.compile(r"pytest\b", re.IGNORECASE)


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
    project, files = read_project_tables(tree), find_requirement_files(tree)
    pipfile, pipfile_developers, pipfile_python = read_pipfile(tree)
    tox, extras = read_tox(tree)
    chosen = _choose_groups(project.groups)
    chosen += [extra for extra in map(canonicalize_name, extras) if extra in project.groups and extra not in chosen]
    tests = [r for name in chosen for r in project.groups[name]]
    tests += [*project.tests, *tox, *pipfile_developers, *read_all(tree, files.tests)]
    if not any(map(_PYTEST.match, tests)):
        tests += read_all(tree, files.developers)
    # An application, or a project whose `setup.py` reads the file, declares itself in requirements.txt alone; beside
    # a library's own declaration, the file is for its developers.
    runtime = [*project.runtime, *pipfile] or read_all(tree, files.runtime)
    tests = tests or read_all(tree, files.runtime)
    if not tests or not runtime:
        tests += read_conda(tree)
    everything = [r for r in (*runtime, *tests, "pytest") if r.strip()]
    expanded = tuple(dict.fromkeys(_expand_own_extras(everything, project)))
    return DeclaredPackages(project.name, project.python or pipfile_python, tuple(runtime), expanded)


def requirement_lists_of(tree: CommitTree) -> Iterator[list[str]]:
    """Yield every list of requirements in a commit, whatever it is for.

    These are groups, extras, files, a Pipfile's and conda's packages, and tox's environments.
    """
    yield from read_project_tables(tree).groups.values()
    files = find_requirement_files(tree)
    for path in sorted((*files.runtime, *files.tests, *files.developers, *files.others)):
        yield read_requirement_file(tree, path)
    yield from read_pipfile(tree)[:2]
    yield read_conda(tree)
    yield from tox_lists_of(tree)


def _choose_groups(groups: Mapping[str, list[str]]) -> list[str]:
    """Return the groups for tests: by their name, otherwise by what they hold, otherwise those for developers."""
    named = [name for name in groups if _FOR_TESTS.match(name)]
    holding = [name for name in groups if any(_PYTEST.match(requirement) for requirement in groups[name])]
    if any(name in holding for name in named):
        return named
    return [*named, *(name for name in holding if name not in named)] or list(filter(_FOR_DEVELOPERS.match, groups))


def drop_local_requirements(requirements: Iterable[str]) -> Iterator[str]:
    """Yield what an index can give: no paths, no links, no options.

    Of a requirement that nobody can read any more, such as "six>=1.*", the name is left.
    """
    for requirement in requirements:
        text = requirement.split(" #")[0].strip()
        if not text or text.startswith(("-", ".", "/", "#")) or "://" in text or "{" in text:
            continue
        try:
            Requirement(text)
            yield text
        except InvalidRequirement:
            if found := re.match(r"[A-Za-z0-9][A-Za-z0-9._-]*(?=\s*(\[|[<>=!~(;,]|$))", text):
                yield found[0]


def _expand_own_extras(requirements: Iterable[str], project: ProjectTables) -> Iterator[str]:
    """Replace "project[test]" in the project's own lists with what that extra lists."""
    own = re.compile(rf"^(?:\.|{re.escape(project.name or '.')})\s*\[([^\]]+)\]", re.IGNORECASE)
    waiting, seen = list(requirements)[::-1], set[str]()
    while waiting:
        requirement = waiting.pop()
        if found := own.match(requirement):
            extras = [canonicalize_name(extra.strip()) for extra in found[1].split(",")]
            waiting += [r for extra in extras if extra not in seen for r in project.groups.get(extra, [])][::-1]
            seen |= {*extras}
        else:
            yield requirement
