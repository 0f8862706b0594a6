"""Which linters, formatters and type checkers a repository has configured, and which of them can be had."""

from __future__ import annotations

import configparser
import contextlib
import os
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import Any

from meta.replay.protected import is_test_side


@dataclass(frozen=True)
class Tool:
    """A program of the repository's own choice. Without `problem` it is a formatter, run so that it writes."""

    name: str
    command: tuple[str, ...]
    """Program and arguments; the files follow."""
    problem: re.Pattern[str] | None = None
    """A line that reports a problem, with the groups `file` and `words`; line numbers are left out, for they move."""
    tests: bool = True
    """Whether it also looks at test files."""
    cache_option: str = ""
    """The option that names its cache, which is filled from the base."""

    def wants(self, path: str) -> bool:
        return PurePosixPath(path).suffix in (".py", ".pyi") and (self.tests or not is_test_side(path))


_LINE = re.compile(r"^(?P<file>[^:\s][^:\n]*):\d+(:\d+)?:? (?P<words>(?!note:).+)$", re.MULTILINE)

TOOLS = {
    tool.name: tool
    for tool in (
        Tool("ruff", ("ruff", "check", "--no-cache", "--no-fix", "--force-exclude", "--output-format=concise"), _LINE),
        Tool("ruff-format", ("ruff", "format", "--no-cache", "--force-exclude")),
        Tool("black", ("black", "--quiet")),
        Tool("isort", ("isort", "--quiet", "--filter-files")),
        Tool("flake8", ("flake8", "--format=default"), _LINE),
        # Many projects check their package only, which the list of files overrides.
        Tool(
            "mypy",
            ("mypy", "--no-error-summary", "--no-color-output", "--hide-error-context", "--no-pretty"),
            _LINE,
            tests=False,
            cache_option="--cache-dir=",
        ),
    )
}  # fmt: skip

_HOOKS = {"black": "black", "black-jupyter": "black", "ruff": "ruff", "ruff-check": "ruff"} | {
    name: name for name in ("ruff-format", "flake8", "isort", "mypy")
}
_HOOK = re.compile(r"^\s*(?:-\s*)?id:\s*[\"']?([\w-]+)", re.MULTILINE)


def usable(base: Path, path: Iterable[str]) -> tuple[Tool, ...]:
    """The tools that the base configures and that stand in one of the environment's `PATH` entries."""
    folders = [Path(folder) for folder in path]
    return tuple(
        TOOLS[name]
        for name in _configured(base)
        if any(os.access(folder / TOOLS[name].command[0], os.X_OK) for folder in folders)
    )


@lru_cache(maxsize=32)
def _configured(base: Path) -> tuple[str, ...]:
    found = set(_in_toml(base)) | set(_in_ini(base))
    with contextlib.suppress(OSError):
        hooks = _HOOK.findall((base / ".pre-commit-config.yaml").read_text("utf-8", "replace"))
        found |= {_HOOKS[hook] for hook in hooks if hook in _HOOKS}
    return tuple(name for name in TOOLS if name in found)


def _in_toml(base: Path) -> Iterator[str]:
    tables = _toml(base / "pyproject.toml").get("tool", {})
    yield from (name for name in ("black", "isort", "mypy", "flake8") if name in tables)
    for ruff in (tables.get("ruff"), _toml(base / "ruff.toml"), _toml(base / ".ruff.toml")):
        if isinstance(ruff, Mapping) and ruff:
            yield from ["ruff-format"] if "format" in ruff else []
            yield from ["ruff"] if ruff.keys() - {"format"} else []


def _in_ini(base: Path) -> Iterator[str]:
    sections = {"flake8": "flake8", "mypy": "mypy", "isort": "isort", "tool:isort": "isort", "settings": "isort"}
    for name in ("setup.cfg", "tox.ini", ".flake8", "mypy.ini", ".mypy.ini", ".isort.cfg"):
        config = configparser.ConfigParser(interpolation=None, strict=False)
        with contextlib.suppress(configparser.Error, OSError, UnicodeDecodeError):
            config.read(base / name, "utf-8")
        for section in config.sections():
            if section in sections and (section != "settings" or name == ".isort.cfg"):
                yield sections[section]


def _toml(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text("utf-8"))
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError):
        return {}
