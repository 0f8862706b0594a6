"""Finds the linters, formatters and type checkers that a repository configures."""

from __future__ import annotations

import configparser
import contextlib
import os
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import Any

from meta.grading.acceptance.pre_commit import PRE_COMMIT_FILE, Hook, read_hooks
from meta.languages.python.test_files import is_test_side
from worker_agent.foreign_tree import read_regular_file
from worker_agent.records import Environment

ReadText = Callable[[str], str]
"""The text of a file of the base; empty where there is none."""


@dataclass(frozen=True)
class ConfiguredTool:
    """A program of the repository's own choice.

    Without `problem` it is a formatter, run so that it writes.
    """

    name: str
    command: tuple[str, ...]
    """Program and arguments; the files follow."""
    problem: re.Pattern[str] | None = None
    """A line that reports a problem, with groups `file` and `words`; line numbers are left out because they move."""
    tests: bool = True
    """Whether it also looks at test files."""
    cache_option: str = ""
    """The option that names its cache, which is filled from the base."""
    only: str = ""
    never: tuple[str, ...] = ()
    """Regular expressions that a path has to match, and must not match."""

    @property
    def program(self) -> str:
        """The program that is run; two tools may share one."""
        return self.command[0]

    def wants(self, path: str) -> bool:
        """Say whether the project would show it this file."""
        if PurePosixPath(path).suffix not in (".py", ".pyi") or (not self.tests and is_test_side(path)):
            return False
        return bool(re.search(self.only, path)) and not any(re.search(pattern, path) for pattern in self.never)


_LINE = re.compile(r"^(?P<file>[^:\s][^:\n]*):\d+(:\d+)?:? (?P<words>(?!note:).+)$", re.MULTILINE)

KNOWN_TOOLS = {
    tool.name: tool
    for tool in (
        ConfiguredTool(
            "ruff", ("ruff", "check", "--no-cache", "--no-fix", "--force-exclude", "--output-format=concise"), _LINE
        ),
        ConfiguredTool("ruff-format", ("ruff", "format", "--no-cache", "--force-exclude")),
        ConfiguredTool("black", ("black", "--quiet")),
        ConfiguredTool("isort", ("isort", "--quiet", "--filter-files")),
        ConfiguredTool("flake8", ("flake8", "--format=default"), _LINE),
        # Many projects check their package only, which the list of files overrides.
        ConfiguredTool(
            "mypy",
            ("mypy", "--no-error-summary", "--no-color-output", "--hide-error-context", "--no-pretty"),
            _LINE,
            tests=False,
            cache_option="--cache-dir=",
        ),
    )
}


def find_usable_tools(base: Path, environment: Environment) -> tuple[ConfiguredTool, ...]:
    """Return the tools that the base configures and that are installed.

    They run as the base's hooks run them.
    """
    folders = [Path(folder) for folder in environment.path]
    return tuple(
        tool
        for tool in _find_configured_in(base)
        if tool.program in environment.linters or any(os.access(folder / tool.program, os.X_OK) for folder in folders)
    )


@lru_cache(maxsize=32)
def _find_configured_in(base: Path) -> tuple[ConfiguredTool, ...]:
    def read(name: str) -> str:
        with contextlib.suppress(OSError):
            return (base / name).read_text("utf-8", "replace")
        return ""

    return find_configured_tools(read)


def find_configured_tools(read: ReadText) -> tuple[ConfiguredTool, ...]:
    """Return the tools that a base configures.

    Arguments and the choice of files are those of its hooks.
    """
    hooked = read_hooks(read(PRE_COMMIT_FILE))
    found = {*_find_in_toml(read), *_find_in_ini(read), *hooked}
    return tuple(_apply_hook(tool, hooked.get(name)) for name, tool in KNOWN_TOOLS.items() if name in found)


def _apply_hook(tool: ConfiguredTool, hook: Hook | None) -> ConfiguredTool:
    if hook is None:
        return tool
    return replace(tool, command=(*tool.command, *hook.arguments), only=hook.only, never=hook.never)


_CONFIGURATION = ("pyproject.toml", "setup.cfg", "tox.ini", ".flake8", "mypy.ini", ".mypy.ini")
_PLUGINS = re.compile(r"^[ \t]*plugins[ \t]*=(.*(?:\n[ \t\]].*)*)|^\[flake8:local-plugins\]([^\[]*)", re.MULTILINE)


@lru_cache(maxsize=32)
def find_tool_plugins(base: Path) -> frozenset[str]:
    """Return the paths at which a plugin may lie that the base's tools load."""
    found = set[str]()
    for name in _CONFIGURATION:
        text = (read_regular_file(base, name) or b"").decode("utf-8", "replace")
        for word in re.findall(r"[\w./-]+", " ".join(a + b for a, b in _PLUGINS.findall(text))):
            module = (
                word.removesuffix(".py").removeprefix("./")
                if "/" in word
                else word.removesuffix(".py").replace(".", "/")
            )
            found |= {f"{module}.py", f"{module}/__init__.py"}
    return frozenset(found)


def _find_in_toml(read: ReadText) -> Iterator[str]:
    tables = _parse_toml(read("pyproject.toml")).get("tool", {})
    yield from (name for name in ("black", "isort", "mypy", "flake8") if name in tables)
    for ruff in (tables.get("ruff"), _parse_toml(read("ruff.toml")), _parse_toml(read(".ruff.toml"))):
        if isinstance(ruff, Mapping) and ruff:
            yield from ["ruff-format"] if "format" in ruff else []
            yield from ["ruff"] if ruff.keys() - {"format"} else []


def _find_in_ini(read: ReadText) -> Iterator[str]:
    sections = {"flake8": "flake8", "mypy": "mypy", "isort": "isort", "tool:isort": "isort", "settings": "isort"}
    for name in ("setup.cfg", "tox.ini", ".flake8", "mypy.ini", ".mypy.ini", ".isort.cfg"):
        config = configparser.ConfigParser(interpolation=None, strict=False)
        with contextlib.suppress(configparser.Error):
            config.read_string(read(name))
        for section in config.sections():
            if section in sections and (section != "settings" or name == ".isort.cfg"):
                yield sections[section]


def _parse_toml(text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return {}
