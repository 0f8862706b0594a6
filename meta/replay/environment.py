"""What a repository's tests need, built once and mounted read-only into every replay."""

from __future__ import annotations

import sys
from pathlib import Path

from meta.records import EnvironmentSpec
from worker_agent.records import Environment


def build(spec: EnvironmentSpec, repository: Path, base_commit: str, cache: Path) -> Environment:
    """The environment of a repository at its base commit, made under `cache` if it is not there yet.

    With neither a version nor packages asked for, it is the one that `meta` runs in: right for projects without
    dependencies. Raises `MetaError` with uv's words when a package cannot be installed.
    """
    if not spec.python and not spec.packages:
        return _around(spec, Path(sys.prefix), Path(sys.base_prefix))
    raise NotImplementedError


def _around(spec: EnvironmentSpec, prefix: Path, base_prefix: Path) -> Environment:
    """The environment whose interpreter is `prefix`/bin/python, running on the installation at `base_prefix`."""
    # Both names of a linked folder: the environment's own links may use either.
    folders = dict.fromkeys([base_prefix.resolve(), base_prefix, prefix.resolve(), prefix])
    return Environment(
        mounts=tuple(folder for folder in folders if not folder.is_relative_to("/usr")),
        path=(str(prefix / "bin"),),
        variables=dict(spec.variables),
        test_command=spec.test_command,
        checks=spec.checks,
    )
