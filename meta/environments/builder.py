"""Builds environments with uv; equal sets of pins share one.

A lock keeps two builders apart. All paths are below the folder `cache`: `cache/specs/<key>` names the environment of a
spec; `cache/<key>/env/` is a virtual environment, and `cache/<key>/complete` says that it is whole, and on which
interpreter's prefix it rests; `cache/uv/` is uv's cache. Foreign code can write to `env` while it is built, so nothing
in it is trusted, written to or run outside a sandbox.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import re
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from meta.environments.build_sandbox import open_build_sandbox
from meta.environments.commit_tree import CommitTree
from meta.environments.editable_install import install_editable
from meta.environments.installer import Installer, Pins
from meta.errors import MetaError
from meta.records.ticket import EnvironmentSpec
from worker_agent.foreign_tree import measure_tree, remove_tree, temporary_folder
from worker_agent.git import GitError, run_git
from worker_agent.workspace import BadBase, make_template

_FORMAT = "2"
"""Part of every key; raise it when environments are built differently."""

_METADATA = frozenset({"pyproject.toml", "setup.py", "setup.cfg", "MANIFEST.in"})


def build_prefixes(spec: EnvironmentSpec, repository: Path, base_commit: str, cache: Path) -> tuple[Path, Path]:
    """Return the spec's virtual environment, built now if need be, and its interpreter's own prefix.

    Raises `MetaError`.
    """
    project = _compute_project_key(repository, base_commit) if spec.project else ""
    wanted = (spec.python, spec.packages, spec.exclude_newer, spec.project)
    pointer = cache / "specs" / _hash_key(repr(wanted), project)
    with contextlib.suppress(OSError):
        return _take_up(cache / pointer.read_text())
    (cache / "specs").mkdir(parents=True, exist_ok=True)
    version = spec.python or f"{sys.version_info.major}.{sys.version_info.minor}"
    with open_build_sandbox(version, cache) as build:
        installer = Installer(build, spec.exclude_newer)
        pins = installer.resolve(spec.packages)
        place = cache / _hash_key(str(build.python), pins.text, project)
        with _hold_lock(cache / f"{place.name}.lock"):
            if not (place / "complete").exists():
                remove_tree(place)
                (place / "env").mkdir(parents=True)
                _build(place / "env", installer, pins, CommitTree(repository, base_commit), spec.project)
                (place / "complete").write_text(str(build.base_prefix))
    _write_whole(pointer, place.name)
    return _take_up(place)


def _take_up(place: Path) -> tuple[Path, Path]:
    """Note that an environment is used, and return its prefixes. Raises `OSError` when it is not there."""
    base_prefix = Path((place / "complete").read_text())
    os.stat(base_prefix)
    os.utime(place / "complete")
    return place / "env", base_prefix


def prune_environments(cache: Path, limit_mb: int) -> list[Path]:
    """Remove the environments unused for longest until the rest fit; return them.

    Nothing may be running in any of them.
    """
    homes = sorted(cache.glob("*/complete"), key=lambda marker: marker.stat().st_mtime, reverse=True)
    removed, used = [], 0
    for home in (marker.parent for marker in homes):
        size = measure_tree(home)
        if used + size > limit_mb << 20:
            (home / "complete").unlink()
            remove_tree(home)
            removed.append(home)
        else:
            used += size
    return removed


def _build(home: Path, installer: Installer, pins: Pins, commit: CommitTree, project: bool) -> None:
    cache = installer.build.shared_cache.parent
    with temporary_folder(cache, ".export-") as folder:
        try:
            tree = make_template(commit.repository, commit.commit, folder).tree
        except BadBase as error:
            raise MetaError(str(error), "fetch what is missing") from None
        installer.make(home, tree)
        installer.install(home, tree, pins)
        if project:
            install_editable(home, tree, installer, commit, _find_last_version(commit.repository, commit.commit))
        else:
            installer.finish(home, tree)


def _compute_project_key(repository: Path, commit: str) -> str:
    """Hash what an installation depends on: metadata, and the packages to find."""
    try:
        root = run_git("ls-tree", commit, cwd=repository)
        source = run_git("ls-tree", f"{commit}:src", cwd=repository) if "\tsrc\n" in root else ""
    except (GitError, OSError) as error:
        raise MetaError(f"cannot read commit {commit} of {repository}: {error}", "fetch what is missing") from None
    lines = []
    for line in root.splitlines():
        about, _, name = line.partition("\t")
        if name in _METADATA:
            lines.append(line)
        elif about.split()[1] == "tree" or name.endswith(".py"):
            lines.append(name)
    return _hash_key(str(repository), *lines, *(line.partition("\t")[2] for line in source.splitlines()))


def _find_last_version(repository: Path, commit: str) -> str:
    """Return the version for projects that take theirs from git's history."""
    with contextlib.suppress(GitError):
        tag = run_git("describe", "--tags", "--abbrev=0", commit, cwd=repository).strip()
        if found := re.search(r"\d+(\.\d+)*", tag):
            return found[0]
    return "0.1"


def _hash_key(*parts: str) -> str:
    return hashlib.sha256("\0".join((_FORMAT, *parts)).encode()).hexdigest()[:24]


def _write_whole(path: Path, text: str) -> None:
    with tempfile.NamedTemporaryFile("w", dir=path.parent, prefix=".making-", delete=False) as stream:
        stream.write(text)
    Path(stream.name).replace(path)


@contextlib.contextmanager
def _hold_lock(path: Path) -> Iterator[None]:
    with path.open("w") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield
