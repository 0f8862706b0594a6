"""Derives what tests need from declarations, imports and pytest options."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from packaging.utils import canonicalize_name

from meta.environments.commit_tree import CommitTree
from meta.languages.python.declared_packages import DeclaredPackages, drop_local_requirements, find_declared_packages
from meta.languages.python.imported_packages import find_imported_packages
from meta.languages.python.pytest_plugins import find_pytest_plugins
from meta.records.ticket import EnvironmentSpec
from worker_agent.git import run_git

_FIRST_STAMP = 631_152_000
"""1990: no history begins before."""

_CLOCKS_READ = 200


def derive_environment(
    repository: Path, base: str, fix: str | None = None, tests: Iterable[str] = ()
) -> EnvironmentSpec:
    """Return the environment for the tests of a base commit and its fix.

    The imports of the test files `tests` count as well. Packages are resolved as of the base commit's day: the end of
    the month is too late, since a pytest released in between changes what passes.
    """
    from meta.environments.interpreters import choose_python, resolution_day_of

    day = commit_day_of(repository, base)
    now, then = CommitTree(repository, base), CommitTree(repository, fix) if fix else None
    found = find_declared_packages(now)
    packages = list(found.requirements)
    for further in (
        find_declared_packages(then).requirements if then else (),
        find_pytest_plugins(now),
        find_imported_packages(now, tests),
    ):
        _add_unnamed(packages, further)
    if then:
        _add_unnamed(packages, find_imported_packages(then, tests))
    python = choose_python(day, found.python)
    if tuple(map(int, python.split("."))) < (3, 12):
        _add_unnamed(packages, ["setuptools"])  # it used to be in every environment, and projects import pkg_resources
    return EnvironmentSpec(
        python=python,
        packages=_keep_installable(packages, found.name),
        exclude_newer=resolution_day_of(day, python),
        project=True,
    )


def derive_minimal_environment(
    spec: EnvironmentSpec, repository: Path, base: str, tests: Iterable[str] = ()
) -> EnvironmentSpec:
    """Return the environment with only what the project and the test files need.

    It is for projects whose full requirements cannot be resolved.
    """
    tree = CommitTree(repository, base)
    found: DeclaredPackages = find_declared_packages(tree)
    packages = list(found.runtime)
    _add_unnamed(packages, ("pytest", *find_pytest_plugins(tree), *find_imported_packages(tree, tests)))
    return spec.model_copy(update={"packages": _keep_installable(packages, found.name)})


def _add_unnamed(packages: list[str], further: Iterable[str]) -> None:
    """Add what is not named yet, so that the base's own declarations win."""
    named = {requirement_name_of(r) for r in packages}
    packages += [r for r in further if requirement_name_of(r) not in named]


def _keep_installable(packages: Iterable[str], own: str) -> tuple[str, ...]:
    """Return what an index has, without the project itself or redundant bare names."""
    given = [r for r in drop_local_requirements(packages) if requirement_name_of(r) != requirement_name_of(own or "-")]
    bounded = {requirement_name_of(r) for r in given if requirement_name_of(r) != r.strip().lower()}
    return tuple(sorted({r for r in given if requirement_name_of(r) != r.strip().lower() or r.lower() not in bounded}))


def requirement_name_of(requirement: str) -> str:
    """Return the normalised name of a requirement: "Foo_Bar[x]>=1" is "foo-bar".

    It also works for requirements that `packaging` cannot read.
    """
    found = re.match(r"\s*([A-Za-z0-9][A-Za-z0-9._-]*)", requirement)
    return canonicalize_name(found[1]) if found else requirement.strip()


def commit_day_of(repository: Path, commit: str) -> str:
    """Return the day (ISO 8601, UTC) on which a commit was made.

    A clock that was wrong does not count: then it is the newest day that makes sense among what the commit stands on,
    and today if there is none.
    """
    stamps = run_git(
        "log", f"--max-count={_CLOCKS_READ}", "--format=%ct", "--no-patch", commit, "--", cwd=repository
    ).split()
    now = int(time.time())
    made = next((int(s) for s in stamps if s.isdigit() and _FIRST_STAMP <= int(s) <= now + 86_400), now)
    return datetime.fromtimestamp(made, UTC).date().isoformat()
