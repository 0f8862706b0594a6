"""Tells which files are tests or steer them; a submission has no say in those.

The same rule splits a merged change into its hidden side and the gold diff, so that the two sides never overlap.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import PurePosixPath
from typing import Any

_TEST_FOLDERS = frozenset({"tests", "test"})
"""`testing` is not one of them: in many projects it is a public package."""

_TEST_FILE = re.compile(r"^(test_.*|.*_test|tests?|conftest)\.py$")

_STEERING = frozenset(
    {"pytest.ini", ".pytest.ini", "pytest.toml", ".pytest.toml", "tox.ini", "setup.cfg", ".coveragerc", "conftest.py"}
)

_STARTUP = re.compile(r"^((site|user)customize(\..*)?|.*\.pth|.*\.py[cod]|.*\.so)$")
"""Files that an interpreter runs unasked, or takes in place of a source file, such as an unchecked .pyc."""


def is_test_side(path: str) -> bool:
    """Return whether the file at this path is part of the tests or of their data.

    Paths are relative to the root, with "/" between parts.
    """
    parts = PurePosixPath(path).parts
    return any(part in _TEST_FOLDERS for part in parts[:-1]) or bool(_TEST_FILE.match(parts[-1]))


def is_protected(path: str) -> bool:
    """Return whether grading takes this file from the base, not from the submission.

    `pyproject.toml` is not among them: only its pytest tables are, see `replace_pytest_tables`.
    """
    parts = PurePosixPath(path).parts
    return (
        is_test_side(path)
        or parts[-1] in _STEERING
        or "__pycache__" in parts
        or any(_STARTUP.match(part) for part in (parts[0], parts[-1]))
        or any(part in ("sitecustomize", "usercustomize") for part in parts)
    )


def pytest_tables_of(text: str) -> Any:
    """Return the `[tool.pytest…]` tables of a pyproject.toml.

    `None` where there are none, or where the text is not TOML.
    """
    try:
        return tomllib.loads(text).get("tool", {}).get("pytest")
    except tomllib.TOMLDecodeError:
        return None


def replace_pytest_tables(submitted: str, base: str) -> str:
    """Return the submitted pyproject.toml with the base's pytest tables.

    Where that fails, the whole of the base's.
    """
    try:
        tomllib.loads(submitted)
    except tomllib.TOMLDecodeError:
        return submitted  # pytest refuses it, as it should
    if pytest_tables_of(submitted) == pytest_tables_of(base):
        return submitted
    merged = _select_sections(submitted, pytest=False) + "\n" + _select_sections(base, pytest=True)
    try:
        parsed = tomllib.loads(merged)
    except tomllib.TOMLDecodeError:
        return base
    return merged if _drop_pytest(parsed) == _drop_pytest(tomllib.loads(submitted)) else base


_HEADER = re.compile(r"^\s*\[+\s*([^\]]+?)\s*\]+\s*(#.*)?$")


def _select_sections(text: str, *, pytest: bool) -> str:
    kept, inside = [], False
    for line in text.splitlines():
        if header := _HEADER.match(line):
            inside = header[1].replace('"', "").replace(" ", "").startswith("tool.pytest")
        if inside == pytest:
            kept.append(line)
    return "\n".join(kept) + "\n"


def _drop_pytest(parsed: dict[str, Any]) -> dict[str, Any]:
    tool = {k: v for k, v in parsed.get("tool", {}).items() if k != "pytest"}
    return {**{k: v for k, v in parsed.items() if k != "tool"}, "tool": tool}
