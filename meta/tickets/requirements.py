"""Derives what a repository's tests need from what it declares, what its tests import and what its options take."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from meta.records import EnvironmentSpec
from meta.tickets.declared import Declared, declared, without_local
from meta.tickets.imported import imported
from meta.tickets.plugins import plugins
from meta.tickets.sources import Tree
from worker_agent.git import git


def derive(repository: Path, base: str, fix: str | None = None, tests: Iterable[str] = ()) -> EnvironmentSpec:
    """The environment for a base commit's tests, and for the fix's where it declares more.

    `tests` are the test files whose imports count besides. Packages are resolved as of the base commit's day: the end
    of the month is too late, since a pytest released in between changes what passes.
    """
    from meta.replay.interpreters import as_of, suitable

    day = commit_day(repository, base)
    now, then = Tree(repository, base), Tree(repository, fix) if fix else None
    found = declared(now)
    packages = list(found.requirements)
    for further in (declared(then).requirements if then else (), plugins(now), imported(now, tests)):
        _add(packages, further)
    if then:
        _add(packages, imported(then, tests))
    python = suitable(day, found.python)
    if tuple(map(int, python.split("."))) < (3, 12):
        _add(packages, ["setuptools"])  # environments had it in those days, and projects import pkg_resources
    return EnvironmentSpec(
        python=python,
        packages=_plain(packages, found.name),
        exclude_newer=as_of(day, python),
        project=True,
    )


def least(spec: EnvironmentSpec, repository: Path, base: str, tests: Iterable[str] = ()) -> EnvironmentSpec:
    """The same with only what the project itself and the test files need: for when the whole cannot be resolved."""
    tree = Tree(repository, base)
    found: Declared = declared(tree)
    packages = list(found.runtime)
    _add(packages, ("pytest", *plugins(tree), *imported(tree, tests)))
    return spec.model_copy(update={"packages": _plain(packages, found.name)})


def _add(packages: list[str], further: Iterable[str]) -> None:
    """Add what is not named yet: what the base declares outweighs what others do."""
    named = {requirement_name(r) for r in packages}
    packages += [r for r in further if requirement_name(r) not in named]


def _plain(packages: Iterable[str], own: str) -> tuple[str, ...]:
    """What an index can give, without the project itself, and without bare names beside the same name with a bound."""
    given = [r for r in without_local(packages) if requirement_name(r) != requirement_name(own or "-")]
    bounded = {requirement_name(r) for r in given if requirement_name(r) != r.strip().lower()}
    return tuple(sorted({r for r in given if requirement_name(r) != r.strip().lower() or r.lower() not in bounded}))


def requirement_name(requirement: str) -> str:
    """The normalised name of a requirement (PEP 503): "Foo_Bar[x]>=1" is "foo-bar"."""
    import re

    found = re.match(r"\s*([A-Za-z0-9][A-Za-z0-9._-]*)", requirement)
    return re.sub(r"[-_.]+", "-", found[1]).lower() if found else requirement.strip()


def commit_day(repository: Path, commit: str) -> str:
    """The day (ISO 8601, UTC) on which a commit was made."""
    return git(
        "show", "-s", "--format=%cd", "--date=format-local:%Y-%m-%d", commit, cwd=repository, env={"TZ": "UTC"}
    ).strip()
