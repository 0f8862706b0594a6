"""Finds packages that test files import and nobody declared."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import PurePosixPath

from meta.environments.commit_tree import CommitTree
from meta.languages.python.test_files import is_test_side

_DISTRIBUTIONS: Mapping[str, str] = {
    "yaml": "PyYAML",
    "PIL": "Pillow",
    "dateutil": "python-dateutil",
    "bs4": "beautifulsoup4",
    "cv2": "opencv-python-headless",
    "sklearn": "scikit-learn",
    "attr": "attrs",
    "OpenSSL": "pyOpenSSL",
    "Crypto": "pycryptodome",
    "dotenv": "python-dotenv",
    "jwt": "PyJWT",
    "docx": "python-docx",
    "git": "GitPython",
    "serial": "pyserial",
    "zmq": "pyzmq",
    "pkg_resources": "setuptools",
    "_pytest": "pytest",
    "xdist": "pytest-xdist",
    "pytest_cov": "pytest-cov",
    "google": "protobuf",
    "redis": "redis",
    "magic": "python-magic",
    "slugify": "python-slugify",
    "lxml": "lxml",
}
"""Modules whose distribution has another name."""


def find_imported_packages(tree: CommitTree, files: Iterable[str]) -> list[str]:
    """Return the distributions that tests import and nobody else provides.

    Read are the test files `files` and every conftest; left out is what Python or the project itself has.
    """
    local = _find_local_modules(tree)
    wanted = {path for path in files if path.endswith(".py")}
    wanted |= {path for path in tree.files if is_test_side(path) and path.endswith("conftest.py")}
    names = {name for path in wanted for name in _find_imports(tree.text(path))}
    known = names - local - sys.stdlib_module_names
    return sorted(_DISTRIBUTIONS.get(name, name) for name in known if name.isidentifier())


def _find_local_modules(tree: CommitTree) -> set[str]:
    """Return the top-level modules and packages of the tree.

    Modules inside a package are left out.

    A project for SQL may have a `dialects/duckdb.py` and import the package duckdb all the same.
    """
    packages = {PurePosixPath(path).parent for path in tree.files if path.endswith("/__init__.py")}
    found = set()
    for path in (PurePosixPath(path) for path in tree.files if path.endswith(".py")):
        found |= {place.stem for place in (path, *path.parents) if place.parent not in packages}
    return found


def _find_imports(text: str) -> Iterator[str]:
    """Yield the names of unconditional imports: one in `try` or `if` is optional."""
    try:
        body = ast.parse(text).body
    except (SyntaxError, ValueError):
        return
    for node in body:
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            yield node.module.split(".")[0]
