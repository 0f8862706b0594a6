"""Finds the Pythons on this machine, and the one for a repository of some day."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from datetime import date, timedelta
from functools import lru_cache
from pathlib import Path

from meta.errors import MetaError


@lru_cache(maxsize=64)
def prefixes_of(python: str) -> tuple[Path, Path]:
    """Return `sys.prefix` and `sys.base_prefix` of an interpreter.

    Raises `MetaError` when it does not run.
    """
    try:
        done = subprocess.run(
            [python, "-I", "-c", "import sys; print(sys.prefix); print(sys.base_prefix)"],
            env={},
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError) as error:
        raise MetaError(f"the interpreter {python} does not run: {error}", "correct the ticket's `python`") from None
    prefix, base = done.stdout.split("\n")[:2]
    return Path(prefix), Path(base)


PythonVersion = tuple[int, int]

RELEASE_DAYS: Mapping[PythonVersion, str] = {
    (3, 8): "2019-10-14",
    (3, 9): "2020-10-05",
    (3, 10): "2021-10-04",
    (3, 11): "2022-10-24",
    (3, 12): "2023-10-02",
    (3, 13): "2024-10-07",
    (3, 14): "2025-10-07",
}
"""First final releases, from the release schedules (PEP 569 and successors). Older Pythons cannot run the grader."""

_SETTLED = timedelta(days=240)
"""How long after a release most projects and their dependencies run on it."""


@lru_cache(maxsize=1)
def find_uv() -> Path:
    """Return the uv program that came with `meta`, otherwise the one on PATH.

    Raises `MetaError` when there is neither.
    """
    try:
        from uv import find_uv_bin

        return Path(find_uv_bin()).resolve()
    except (ImportError, FileNotFoundError):
        if found := shutil.which("uv"):
            return Path(found).resolve()
    raise MetaError("uv is not installed", "pip install uv")


@lru_cache(maxsize=1)
def find_installed_pythons() -> Mapping[str, Path]:
    """Return the path of every interpreter here, by version.

    Both "3.11" and "3.11.7" are keys; the short form is the newest patch release.
    """
    done = _run_uv("python", "list", "--only-installed", "--output-format", "json")
    found: dict[str, Path] = {}
    listed = json.loads(done.stdout) if done.returncode == 0 and done.stdout.strip() else []
    for entry in sorted(listed, key=lambda e: tuple(e["version_parts"].values()), reverse=True):
        if entry["implementation"] == "cpython" and entry["variant"] == "default" and entry["path"]:
            version = entry["version_parts"]
            for name in (f"{version['major']}.{version['minor']}", entry["version"]):
                found.setdefault(name, Path(entry["path"]))
    return found


def find_python(version: str) -> Path:
    """Return an installed interpreter of this version; uv fetches one if need be.

    Raises `MetaError`.
    """
    if version not in find_installed_pythons():
        tried = _run_uv("python", "install", version)
        find_installed_pythons.cache_clear()
        if version not in find_installed_pythons():
            words = tried.stderr.strip()[-500:]
            raise MetaError(f"Python {version} is not installed: {words}", f"install Python {version}")
    return find_installed_pythons()[version]


def choose_python(day: str, allowed: str = "") -> str:
    """Return the installed version to run a repository's state of `day` with.

    It is the newest that had been out for some months on that day (ISO 8601); if all are newer than that, the oldest.
    `allowed` is the project's `requires-python`. Raises `MetaError` when nothing installed is allowed.
    """
    from packaging.specifiers import InvalidSpecifier, SpecifierSet

    try:
        specifiers = SpecifierSet(allowed)
    except InvalidSpecifier:
        specifiers = SpecifierSet()
    here = [
        v for v in RELEASE_DAYS if f"{v[0]}.{v[1]}" in find_installed_pythons() and f"{v[0]}.{v[1]}.99" in specifiers
    ]
    if not here:
        raise MetaError(f"no Python installed here fits requires-python {allowed!r}", "install one: uv python install")
    settled = [v for v in here if date.fromisoformat(RELEASE_DAYS[v]) + _SETTLED <= date.fromisoformat(day[:10])]
    major, minor = max(settled) if settled else min(here)
    return f"{major}.{minor}"


def resolution_day_of(day: str, python: str) -> str:
    """Return the day to resolve packages as of: `day`, or later for a newer Python.

    If every installed Python is newer than the repository's state, the pytest of that day runs on none of them. So it
    is the first day on which this Python's packages could be had.
    """
    major, minor = (int(part) for part in python.split(".")[:2])
    if (major, minor) not in RELEASE_DAYS:
        return day
    return max(day, (date.fromisoformat(RELEASE_DAYS[major, minor]) + _SETTLED).isoformat())


def _run_uv(*args: str) -> subprocess.CompletedProcess[str]:
    # pyenv's shims claim versions that are not active, and then fail, so look at the installations themselves.
    path = [p for p in os.environ.get("PATH", "").split(os.pathsep) if not p.endswith("/shims")]
    versions = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv", "versions")
    path += [str(p) for p in versions.glob("*/bin")]
    env = {k: v for k, v in os.environ.items() if k != "VIRTUAL_ENV"} | {"PATH": os.pathsep.join(path)}
    argv = [str(find_uv()), "--directory", "/", *args]
    return subprocess.run(argv, env=env, capture_output=True, text=True, check=False)
