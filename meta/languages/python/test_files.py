"""Tells which files are tests or steer them; a submission has no say in those.

The same rule splits a merged change into its hidden side and the gold diff, so that the two sides never overlap.
"""

from __future__ import annotations

import contextlib
import re
import tomllib
from collections.abc import Mapping, MutableMapping
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
        or any(part == "__pycache__" or part.endswith((".dist-info", ".egg-info")) for part in parts)
        or any(_STARTUP.match(part) for part in (parts[0], parts[-1]))
        or any(part in ("sitecustomize", "usercustomize") for part in parts)
    )


def pytest_tables_of(text: str) -> Any:
    """Return the `[tool.pytest…]` tables of a pyproject.toml.

    `None` where there are none, or where the text is not TOML.
    """
    try:
        return _pytest_tables_of(tomllib.loads(text))
    except tomllib.TOMLDecodeError:
        return None


def replace_pytest_tables(submitted: str, base: str) -> str:
    """Return the submitted pyproject.toml with the base's pytest tables.

    Where that fails, the whole of the base's.
    """
    try:
        ours = tomllib.loads(base) if base else {}
    except tomllib.TOMLDecodeError:
        return base
    try:
        theirs = tomllib.loads(submitted)
    except tomllib.TOMLDecodeError:
        return submitted  # pytest refuses it, as it should
    if _pytest_tables_of(theirs) == _pytest_tables_of(ours):
        return submitted
    merged = _rewrite_pytest_tables(submitted, base)
    expected = _drop_pytest(theirs), _pytest_tables_of(ours)
    with contextlib.suppress(tomllib.TOMLDecodeError):
        parsed = tomllib.loads(merged)
        if (_drop_pytest(parsed), _pytest_tables_of(parsed)) == expected:
            return merged
    return base


def _rewrite_pytest_tables(submitted: str, base: str) -> str:
    """Exchange the tables, whatever they are spelled like: headers, dotted keys or inline."""
    import tomlkit
    from tomlkit.exceptions import TOMLKitError

    try:
        document = tomlkit.parse(submitted)
        tool = document.get("tool")
        if isinstance(tool, MutableMapping):
            tool.pop("pytest", None)
        tables = _pytest_tables_of(tomllib.loads(base)) if base else None
        text = tomlkit.dumps(document)
        if tables is not None:
            text = f"{text.rstrip()}\n\n" + tomlkit.dumps({"tool": {"pytest": tables}})
        return text
    except (TOMLKitError, ValueError, KeyError, TypeError):
        return base


def _pytest_tables_of(parsed: Mapping[str, Any]) -> Any:
    tool = parsed.get("tool")
    return tool.get("pytest") if isinstance(tool, dict) else None


def _drop_pytest(parsed: dict[str, Any]) -> dict[str, Any]:
    tool = parsed.get("tool")
    kept = {k: v for k, v in tool.items() if k != "pytest"} if isinstance(tool, dict) else {}
    return {**{k: v for k, v in parsed.items() if k != "tool"}, "tool": kept}
