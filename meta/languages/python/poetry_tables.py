"""Translates Poetry's tables, and Pipenv's, to the requirements that pip knows."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

Table = Mapping[str, Any]

_NO_INDEX_HAS_IT = frozenset({"git", "path", "url", "file", "develop", "hg", "svn", "bzr"})


def read_poetry_table(table: Table, *, optional: bool = False) -> list[str]:
    """Return the requirements of a table of Poetry: versions, extras, markers, and lists of several constraints.

    Optional ones are left out unless asked for; so is what comes from elsewhere than an index.
    """
    return [
        requirement
        for name, wanted in table.items()
        if name.lower() != "python"
        for constraint in (wanted if isinstance(wanted, list) else [wanted])
        for requirement in _translate(name, constraint, optional=optional)
    ]


def read_poetry_extras(poetry: Table) -> dict[str, list[str]]:
    """Return what Poetry's extras stand for: they name optional dependencies, whose versions are in another table."""
    table = {canonicalize_name(name): wanted for name, wanted in poetry.get("dependencies", {}).items()}
    return {
        extra: [r for n in names for r in read_poetry_table({n: table.get(canonicalize_name(n), "*")}, optional=True)]
        for extra, names in poetry.get("extras", {}).items()
    }


def read_poetry_python(poetry: Table) -> str:
    """Return the Pythons that Poetry allows, as a specifier; empty if any may do."""
    from poetry.core.constraints.version import parse_constraint

    with contextlib.suppress(ValueError, TypeError):
        if wanted := poetry.get("dependencies", {}).get("python"):
            return _bound(parse_constraint(str(wanted)))
    return ""


def read_pipfile_table(table: Table) -> list[str]:
    """Return the requirements of a table of a Pipfile."""
    found = []
    for name, wanted in table.items():
        about = wanted if isinstance(wanted, dict) else {"version": wanted}
        if _NO_INDEX_HAS_IT & about.keys():
            continue
        version = str(about.get("version", "*")).strip()
        # Beside `markers`, each variable of a marker may stand alone: `sys_platform = "== 'win32'"`.
        markers = [f"({about['markers']})"] if about.get("markers") else []
        markers += [f"{key} {about[key]}" for key in about if key in _MARKERS]
        extras = ",".join(about.get("extras", []))
        text = f"{name}[{extras}]" if extras else str(name)
        text += "" if version in ("", "*") else version if version[0] in "<>=!~" else f"=={version}"
        found.append(f"{text}; {' and '.join(markers)}" if markers else text)
    return [requirement for requirement in found if _is_readable(requirement)]


_MARKERS = frozenset(
    {"python_version", "python_full_version", "os_name", "sys_platform", "platform_machine", "platform_system"}
    | {"platform_release", "platform_version", "platform_python_implementation", "implementation_name"}
)


def _translate(name: str, wanted: Any, *, optional: bool) -> Iterator[str]:
    from poetry.core.factory import Factory

    about = dict(wanted) if isinstance(wanted, dict) else {"version": wanted}
    if _NO_INDEX_HAS_IT & about.keys() or (about.pop("optional", False) and not optional):
        return
    about.setdefault("version", "*")
    about["version"] = str(about["version"]).strip() or "*"
    with contextlib.suppress(ValueError, TypeError, InvalidRequirement):
        dependency = Factory.create_dependency(name, about)
        text, _, marker = dependency.to_pep_508().partition(" ; ")
        if "||" in text:  # pip cannot say "or": the range from the lowest to the highest
            text = f"{text.partition(' (')[0]}{_bound(dependency.constraint)}"
        yield str(Requirement(f"{text} ; {marker}" if marker else text))


def _bound(constraint: Any) -> str:
    """Return the specifiers from the lowest to the highest version that a constraint of Poetry allows."""
    from poetry.core.constraints.version import VersionUnion

    if not isinstance(constraint, VersionUnion):
        return "" if constraint.is_any() else str(constraint).replace(" ", "")
    first, last = constraint.ranges[0], constraint.ranges[-1]
    low = str(first).split(",")[0] if first.min else ""
    high = str(last).split(",")[-1] if last.max else ""
    return ",".join(filter(None, (low, high)))


def _is_readable(text: str) -> bool:
    try:
        Requirement(text)
    except InvalidRequirement:
        return False
    return True
