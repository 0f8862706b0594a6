"""Installs the repository itself, editable, for imports to find it at /workspace.

Building it can leave files in its tree that importing it needs: a `_version.py` made from git, compiled extensions.
They are not part of the base, and must not show up as changes in a workspace. So they are kept with the environment,
and an importer supplies them after all others.
"""

from __future__ import annotations

import configparser
import contextlib
import shutil
import tomllib
from pathlib import Path

from meta.environments.installer import Installer
from meta.errors import MetaError

WORKSPACE_PATH = "/workspace"

_MODULES = (".py", ".so", ".pyd")
_NOT_MODULES = frozenset({"build", "dist", ".git", "__pycache__", ".eggs", "node_modules", ".hatch"})

_FINDER = '''\
"""Supplies the modules that building the project made, where its tree does not have them."""

import os
import sys

_FOLDER = os.path.join(os.path.dirname(__file__), "_meta_generated_files")
_MODULES = {modules!r}


class Finder:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name not in _MODULES:
            return None
        from importlib.util import spec_from_file_location

        return spec_from_file_location(name, os.path.join(_FOLDER, _MODULES[name]))


sys.meta_path.append(Finder)
'''


def install_editable(home: Path, tree: Path, installer: Installer, version: str) -> None:
    """Install the exported base `tree` into the environment at `home`.

    Try the build tools of the base's day first, then today's (the old ones may not support editable installs, or not
    this interpreter). If both fail, add a path entry, which is enough to import the project.
    """
    if not any((tree / name).exists() for name in ("pyproject.toml", "setup.py", "setup.cfg")):
        _put_on_path(home, tree, version)
        return
    before = _list_modules(tree)
    for as_of in (True, False):
        with contextlib.suppress(MetaError):
            installer.install_editable(home, tree, version, as_of=as_of)
            _keep_generated(home, tree, sorted(_list_modules(tree) - before))
            return
    _put_on_path(home, tree, version)


def _list_modules(tree: Path) -> set[Path]:
    return {
        path.relative_to(tree)
        for path in tree.rglob("*")
        if path.suffix in _MODULES and not _NOT_MODULES & set(path.relative_to(tree).parts)
    }


def _keep_generated(home: Path, tree: Path, files: list[Path]) -> None:
    modules = {}
    site = site_packages_of(home)
    for file in files:
        root = file.parent
        while root.parts and (tree / root / "__init__.py").exists():
            root = root.parent
        within = file.relative_to(root)
        modules[".".join((*within.parts[:-1], within.name.split(".")[0]))] = str(file)
        kept = site / "_meta_generated_files" / file
        kept.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(tree / file, kept)
    if modules:
        (site / "_meta_generated.py").write_text(_FINDER.format(modules=modules))
        (site / "_meta_generated.pth").write_text("import _meta_generated\n")


def _put_on_path(home: Path, tree: Path, version: str) -> None:
    site = site_packages_of(home)
    roots = [f"{WORKSPACE_PATH}/{name}" for name in ("src", "lib") if _holds_packages(tree / name)]
    (site / "_meta_project.pth").write_text("\n".join([*roots, WORKSPACE_PATH]) + "\n")
    if name := _read_name(tree):
        about = site / f"{name.replace('-', '_')}-{version}.dist-info"
        about.mkdir(exist_ok=True)
        (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")


def _holds_packages(folder: Path) -> bool:
    return folder.is_dir() and any((p / "__init__.py").exists() or p.suffix == ".py" for p in folder.iterdir())


def _read_name(tree: Path) -> str:
    with contextlib.suppress(OSError, tomllib.TOMLDecodeError):
        parsed = tomllib.loads((tree / "pyproject.toml").read_text())
        if name := parsed.get("project", {}).get("name"):
            return str(name)
    with contextlib.suppress(configparser.Error):
        config = configparser.ConfigParser(interpolation=None)
        config.read(tree / "setup.cfg")
        return config.get("metadata", "name", fallback="")
    return ""


def site_packages_of(home: Path) -> Path:
    """Return the folder in which an environment keeps its packages."""
    return next((home / "lib").glob("python*/site-packages"))
