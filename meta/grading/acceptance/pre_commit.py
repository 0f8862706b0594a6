"""Reads from `.pre-commit-config.yaml` which linters run, and how."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

PRE_COMMIT_FILE = ".pre-commit-config.yaml"

_HOOKS: Mapping[str, str] = {"black-jupyter": "black", "ruff-check": "ruff"} | {
    name: name for name in ("black", "ruff", "ruff-format", "flake8", "isort", "mypy")
}
"""Maps each hook to its tool."""

_VALUED = re.compile(
    r"--(line-length|line-width|config|config-file|profile|settings-path|settings-file|sp|target-version|(extend-)?select"
    r"|(extend-)?ignore|(extend-)?exclude|max-line-length|max-complexity|per-file-ignores|python-version|multi-line)$"
    r"|-[lwtpm]$"
)
"""Options whose value may be a separate argument. Any other argument that does not begin with "-" is a path."""

_OWN = re.compile(
    r"--(no-)?(fix|fix-only|unsafe-fixes|exit-non-zero-on-fix|exit-zero|show-fixes|diff|check|check-only|quiet|verbose"
    r"|output-format|format|output-file|tee|show-source|statistics|count|color|color-output|pretty|cache|cache-dir"
    r"|force-exclude|incremental|install-types|non-interactive|version|help|jobs|atomic|watch|benchmark)(=.*)?$|-[qvcj]+$"
)
"""Options that decide how a tool runs or what it prints, which is up to us."""


@dataclass(frozen=True)
class Hook:
    """How the project runs one tool before each commit."""

    version: str = ""
    """The pinned version; empty if the hook's repository does not tell."""
    arguments: tuple[str, ...] = ()
    plugins: tuple[str, ...] = ()
    """Requirements that are installed beside the tool."""
    only: str = ""
    """Regular expression that a path must match; empty for all."""
    never: tuple[str, ...] = ()
    """Regular expressions that a path must not match."""
    pinned: bool = False
    """Whether pre-commit itself installs the tool, apart from the project."""


def read_hooks(text: str) -> dict[str, Hook]:
    """Return the hooks that run a tool known here, by tool; of several, the first."""
    config = _parse_yaml(text)
    found: dict[str, Hook] = {}
    for entry in _keep_mappings(config.get("repos")):
        for hook in _keep_mappings(entry.get("hooks")):
            tool = _HOOKS.get(str(hook.get("id", "")))
            if tool and tool not in found:
                found[tool] = _read_hook(tool, entry, hook, text, _read_pattern(config.get("exclude")))
    return found


def _read_hook(tool: str, entry: Mapping[str, Any], hook: Mapping[str, Any], text: str, never: str) -> Hook:
    place = str(entry.get("repo", ""))
    program = tool.removesuffix("-format")
    plugins = _keep_texts(hook.get("additional_dependencies"))
    # `pre-commit-hooks` had its own flake8 hook, whose version is not flake8's.
    known = program in place.rstrip("/").rsplit("/", 1)[-1]
    arguments = _keep_texts(hook.get("args"))
    if tool == "mypy" and "mirrors-mypy" in place and "args" not in hook:
        arguments = ["--ignore-missing-imports", "--scripts-are-modules"]  # that hook's own
    return Hook(
        version=_parse_version(str(entry.get("rev", "")), text) if known else "",
        arguments=tuple(_keep_settings(arguments)),
        plugins=tuple(plugins),
        only=_read_pattern(hook.get("files")),
        never=tuple(p for p in (never, _read_pattern(hook.get("exclude"))) if p),
        pinned=place not in ("local", "meta"),
    )


def _parse_version(rev: str, text: str) -> str:
    """Return the version that a revision stands for: "v0.4.1" is 0.4.1.

    For a commit, read the comment that `pre-commit autoupdate --freeze` writes.
    """
    frozen = re.search(rf"rev:\s*[\"']?{re.escape(rev)}[\"']?\s*#\s*(?:frozen:\s*)?(\S+)", text) if rev else None
    for candidate in (rev, frozen[1] if frozen else ""):
        if found := re.fullmatch(r"v?(\d+(?:\.\d+)+(?:\.?(?:a|b|rc|post|dev)\d+)?)", candidate):
            return found[1]
    return ""


def _keep_settings(arguments: Iterable[str]) -> Iterator[str]:
    before = ""
    for argument in arguments:
        if argument.startswith("-"):
            if not _OWN.match(argument):
                yield argument
            before = argument
        else:
            if _VALUED.match(before):
                yield argument
            before = ""


def _parse_yaml(text: str) -> Mapping[str, Any]:
    if not text.strip():
        return {}
    import yaml  # imported late: most repositories do not need it

    try:
        read = yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError, ValueError):
        return {}
    return read if isinstance(read, Mapping) else {}


def _keep_mappings(value: object) -> list[Mapping[str, Any]]:
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list) else []


def _keep_texts(value: object) -> list[str]:
    return [str(item) for item in value if isinstance(item, str | int | float)] if isinstance(value, list) else []


def _read_pattern(value: object) -> str:
    """Return a usable regular expression; empty if it excludes nothing."""
    text = str(value or "")
    try:
        re.compile(text)
    except re.error:
        return ""
    return "" if text in ("^$", ".*") else text
