"""Finishes an environment after foreign code has run in it, so it runs inside the sandbox too.

    python finish.py ORDERS

`ORDERS` is a file of JSON: the environment's `prefix`, the `workspace`, the project's `modules` before it was built,
and for a project that could not be installed a `placeholder`: `paths`, `name` and `version`.
"""

from __future__ import annotations

import compileall
import glob
import json
import os
import shutil
import sys
from collections.abc import Iterator, Sequence
from typing import Any

MODULES = (".py", ".so", ".pyd")
NOT_MODULES = {"build", "dist", ".git", "__pycache__", ".eggs", "node_modules", ".hatch"}

FINDER = '''\
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


def list_modules(root: str) -> Iterator[str]:
    for folder, folders, names in os.walk(root):
        folders[:] = [name for name in folders if name not in NOT_MODULES]
        for name in names:
            if name.endswith(MODULES):
                yield os.path.relpath(os.path.join(folder, name), root)


def keep_generated(site: str, root: str, before: Sequence[str]) -> None:
    modules: dict[str, str] = {}
    for file in sorted(set(list_modules(root)) - set(before)):
        top = os.path.dirname(file)
        while top and os.path.exists(os.path.join(root, top, "__init__.py")):
            top = os.path.dirname(top)
        parts = os.path.relpath(file, top or ".").split(os.sep)
        modules[".".join([*parts[:-1], parts[-1].split(".")[0]])] = file
        kept = os.path.join(site, "_meta_generated_files", file)
        os.makedirs(os.path.dirname(kept), exist_ok=True)
        shutil.copyfile(os.path.join(root, file), kept)
    if modules:
        write_text(os.path.join(site, "_meta_generated.py"), FINDER.format(modules=modules))
        write_text(os.path.join(site, "_meta_generated.pth"), "import _meta_generated\n")


def put_on_path(site: str, placeholder: dict[str, Any]) -> None:
    write_text(os.path.join(site, "_meta_project.pth"), "\n".join(placeholder["paths"]) + "\n")
    if placeholder["name"]:
        about = os.path.join(site, "{name}-{version}.dist-info".format(**placeholder))
        os.makedirs(about, exist_ok=True)
        text = "Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
        write_text(os.path.join(about, "METADATA"), text.format(**placeholder))


def write_text(path: str, text: str) -> None:
    with open(path, "w", encoding="utf-8") as stream:
        stream.write(text)


def finish(orders: dict[str, Any]) -> None:
    site = glob.glob(os.path.join(orders["prefix"], "lib", "python*", "site-packages"))[0]
    if orders["modules"] is not None:
        keep_generated(site, orders["workspace"], orders["modules"])
    if orders["placeholder"]:
        put_on_path(site, orders["placeholder"])
    compileall.compile_dir(site, quiet=2, workers=0)


if __name__ == "__main__":  # the workers of compileall may import this module
    with open(sys.argv[1], encoding="utf-8") as stream:
        finish(json.load(stream))
