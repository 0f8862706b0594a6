"""Installs the repository itself, editable, for imports to find it at /workspace.

Building it can leave files in its tree that importing it needs: a `_version.py` made from git, compiled extensions.
They are not part of the base, and must not show up as changes in a workspace. So `inside/finish.py` keeps them with the
environment, and an importer supplies them after all others.
"""

from __future__ import annotations

import configparser
import contextlib
import re
import tomllib
from pathlib import Path

from meta.environments.commit_tree import CommitTree
from meta.environments.installer import Installer, Placeholder
from meta.errors import MetaError

WORKSPACE_PATH = "/workspace"


def install_editable(home: Path, tree: Path, installer: Installer, commit: CommitTree, version: str) -> None:
    """Install the exported base `tree` of a commit into the environment at `home`.

    Try the build tools of the base's day first, then today's (the old ones may not support editable installs, or not
    this interpreter). If both fail, add a path entry, which is enough to import the project.
    """
    modules = [path for path in commit.files if path.endswith((".py", ".so", ".pyd"))]
    for as_of in (True, False):
        if not commit.having(("pyproject.toml", "setup.py", "setup.cfg")):
            break
        with contextlib.suppress(MetaError):
            installer.install_editable(home, tree, version, as_of=as_of)
            installer.finish(home, tree, modules=modules)
            return
    roots = [f"{WORKSPACE_PATH}/{name}" for name in ("src", "lib") if _holds_packages(commit, name)]
    placeholder = Placeholder((*roots, WORKSPACE_PATH), _read_name(commit), version)
    installer.finish(home, tree, placeholder=placeholder)


def _holds_packages(commit: CommitTree, folder: str) -> bool:
    module = re.compile(rf"{folder}/([^/]+\.py|[^/]+/__init__\.py)")
    return any(module.fullmatch(path) for path in commit.files)


def _read_name(commit: CommitTree) -> str:
    """Return the project's name as a file name can hold it; empty where it is not declared."""
    name = ""
    with contextlib.suppress(tomllib.TOMLDecodeError):
        name = str(tomllib.loads(commit.text("pyproject.toml")).get("project", {}).get("name", ""))
    with contextlib.suppress(configparser.Error):
        config = configparser.ConfigParser(interpolation=None)
        config.read_string(commit.text("setup.cfg"))
        name = name or config.get("metadata", "name", fallback="")
    return re.sub(r"[^A-Za-z0-9.]+", "_", name)
