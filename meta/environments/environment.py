"""Turns an `EnvironmentSpec` into what a sandbox mounts, built once and cached."""

from __future__ import annotations

import sys
from pathlib import Path

from meta.environments.builder import build_prefixes
from meta.environments.interpreters import prefixes_of
from meta.records.ticket import EnvironmentSpec
from worker_agent.records import Environment


def build_environment(spec: EnvironmentSpec, repository: Path, base_commit: str, cache: Path) -> Environment:
    """Return the environment of a repository at its base commit, built unless cached.

    A spec without version and packages gets the environment that `meta` runs in, which is right for projects without
    dependencies; one with the path of an interpreter gets that interpreter's. Otherwise uv builds one under `cache`.
    Raises `MetaError`, with uv's output if uv failed. Two processes or threads that ask for the same environment at
    once build it once.
    """
    environment = _build_for_tests(spec, repository, base_commit, cache)
    linters = {
        name: _build_for_linter(spec, packages, repository, base_commit, cache) for name, packages in spec.linters
    }
    return environment.model_copy(update={"linters": linters})


def _build_for_linter(
    spec: EnvironmentSpec, packages: tuple[str, ...], repository: Path, base_commit: str, cache: Path
) -> Environment:
    """Return an environment with just a linter, shared by all that pin it alike."""
    python = "" if "/" in spec.python else spec.python
    alone = EnvironmentSpec(python=python, packages=packages, exclude_newer=spec.exclude_newer, project=False)
    return _build_for_tests(alone, repository, base_commit, cache)


def _build_for_tests(spec: EnvironmentSpec, repository: Path, base_commit: str, cache: Path) -> Environment:
    if not spec.python and not spec.packages:
        # Plugins that happen to be installed beside `meta` are not the project's, and hypothesis' alone takes
        # longer to import than many suites take to run. A spec that wants them sets the variable to "".
        variables = (("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1"), *spec.variables)
        return _describe_interpreter(
            spec.model_copy(update={"variables": variables}), Path(sys.prefix), Path(sys.base_prefix)
        )
    if "/" in spec.python:
        return _describe_interpreter(spec, *prefixes_of(spec.python))
    return _describe_interpreter(spec, *build_prefixes(spec, repository, base_commit, cache.absolute()))


def _describe_interpreter(spec: EnvironmentSpec, prefix: Path, base_prefix: Path) -> Environment:
    """Return the environment of `prefix`/bin/python, installed at `base_prefix`."""
    # Both names of a linked folder: the environment's own links may use either.
    folders = dict.fromkeys([base_prefix.resolve(), base_prefix, prefix.resolve(), prefix])
    return Environment(
        mounts=tuple(folder for folder in folders if not folder.is_relative_to("/usr")),
        path=(str(prefix / "bin"),),
        variables=dict(spec.variables),
        test_command=spec.test_command,
        checks=spec.checks,
    )
