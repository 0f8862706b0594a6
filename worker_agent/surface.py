"""The surface: the only files of the agent that the optimiser may edit.

agent.toml      settings
prompts/*.md    what the model is told
tools/*.py      what the model can do
"""

from __future__ import annotations

import hashlib
import os
import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError, field_validator

from worker_agent.records import AgentRecord, Limits

DEFAULT_ROOT = Path(__file__).parent
"""The surface of the agent that comes with `meta`."""

PROMPT_FILES = ("system.md", "ticket.md", "not_done.md", "text.md")

SUBMIT_TOOL_NAME = "submit"
"""The one tool that every worker has besides its own."""

MAX_TOOLS, MAX_LIMIT = 64, 10**12
_TOOL_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
MAX_PATH_BYTES, MAX_PATH_PARTS = 200, 10
"""Of a file of the surface: the longest name of a file or folder in it, and how deep it may lie."""


class BadSurface(Exception):
    """A file of the surface does not load; the message says which and why."""


class AgentConfig(AgentRecord):
    """The settings in agent.toml. Its limits can only tighten those of meta.toml."""

    protocol: Literal["tools", "text"] = "tools"
    model: str = Field("", max_length=200, description="model id; empty: the one in meta.toml or --model")
    effort: Literal["", "low", "medium", "high", "xhigh", "max"] = ""
    max_tokens: int = Field(8192, ge=64, le=1 << 18, description="tokens in one reply, at most")
    tools: tuple[str, ...] = Field((), max_length=MAX_TOOLS)
    result_chars: int = Field(12_000, ge=200, le=10**7, description="characters of one tool result, at most")
    context_chars: int = Field(
        24_000, ge=1000, le=10**7, description="characters of the repository's files that the text protocol shows"
    )
    submit_attempts: int = Field(
        3, ge=1, le=1000, description="submissions that the checks may turn down before the run ends"
    )
    limits: Limits = Limits()

    @field_validator("limits")
    @classmethod
    def _are_limits(cls, limits: Limits) -> Limits:
        if over := [name for name, value in limits if value is not None and not value <= MAX_LIMIT]:
            raise ValueError(f"{over[0]} may be at most {MAX_LIMIT:,}")
        return limits


@dataclass(frozen=True)
class Surface:
    """One state of the surface, whose files lie under `root`."""

    root: Path
    config: AgentConfig
    prompts: dict[str, str]
    version: str

    def prompt(self, name: str, **values: str) -> str:
        """Return a prompt with its `{name}` placeholders filled in.

        Braces inside a value stay as they are.
        """
        return re.sub(r"\{(\w+)\}", lambda m: values.get(m[1], m[0]), self.prompts[name])


def load_surface(root: Path) -> Surface:
    """Read and validate a surface, without importing its tools. Raises `BadSurface`."""
    check_surface_paths(str(path) for path in list_surface_files(root))
    config = read_agent_config(_read_text(root, "agent.toml"))
    prompts = {name: _read_text(root, f"prompts/{name}") for name in PROMPT_FILES}
    for name, text in prompts.items():
        if not text.strip() and (name != "text.md" or config.protocol == "text"):
            raise BadSurface(f"prompts/{name}: it is empty")
    for name in config.tools:
        if not _TOOL_NAME.fullmatch(name):
            raise BadSurface(f"agent.toml names the tool {name[:100]!r}; a name has at most 64 letters, digits and _")
        if not (root / "tools" / f"{name}.py").is_file():
            raise BadSurface(f"agent.toml names the tool {name!r}, but there is no tools/{name}.py")
        if name == SUBMIT_TOOL_NAME:
            raise BadSurface(f"agent.toml names the tool {name!r}, which every worker has already; rename it")
        if config.tools.count(name) > 1:
            raise BadSurface(f"agent.toml names the tool {name!r} twice")
    return Surface(root=root, config=config, prompts=prompts, version=hash_surface(root))


def read_agent_config(text: str) -> AgentConfig:
    """Read the settings in the text of an agent.toml. Raises `BadSurface`."""
    try:
        return AgentConfig.model_validate(tomllib.loads(text))
    except ValidationError as error:
        first = error.errors()[0]
        raise BadSurface(f"agent.toml: {'.'.join(map(str, first['loc']))}: {first['msg']}") from None
    except RecursionError:
        raise BadSurface("agent.toml: it is nested too deeply") from None
    except ValueError as error:  # TOML, or a number of too many digits
        raise BadSurface(f"agent.toml: {error}") from None


def check_surface_paths(paths: Iterable[str]) -> None:
    """Check that files of these paths can lie in one folder, on any machine. Raises `BadSurface`."""
    seen: dict[str, str] = {}
    for path in paths:
        parts = path.split("/")
        if not path.isprintable() or "\\" in path:
            raise BadSurface(f"{path!r}: a name may only have characters that can be printed")
        if "" in parts or "." in parts or ".." in parts or any(part.casefold() == ".git" for part in parts):
            raise BadSurface(f"{path} is not on the surface: it leads elsewhere")
        if len(parts) > MAX_PATH_PARTS or any(len(part.encode()) > MAX_PATH_BYTES for part in parts):
            raise BadSurface(f"{path[:100]}...: its path is too long")
        for end in range(1, len(parts) + 1):
            whole = "/".join(parts[:end])
            if seen.setdefault(whole.casefold(), whole) != whole:
                raise BadSurface(f"{whole}: its name differs from {seen[whole.casefold()]} in case only")


def _read_text(root: Path, path: str) -> str:
    try:
        return (root / path).read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise BadSurface(f"{path}: {error}") from None


def list_surface_files(root: Path) -> list[Path]:
    """Return the surface's files under `root`, as relative paths, sorted."""
    found = [Path("agent.toml")] if (root / "agent.toml").is_file() else []
    for folder in ("prompts", "tools"):
        for path in (root / folder).rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts:
                found.append(path.relative_to(root))
    return sorted(found)


def hash_surface(root: Path) -> str:
    """Return the version: the SHA-1 that git gives to a tree of the surface's files."""
    tree: dict[str, object] = {}
    for path in list_surface_files(root):
        folder = tree
        for part in path.parts[:-1]:
            folder = folder.setdefault(part, {})  # type: ignore[assignment]
        folder[path.name] = root / path
    return _object_id(tree).hex()


def _object_id(node: object) -> bytes:
    if isinstance(node, Path):
        data = node.read_bytes()
        return hashlib.sha1(b"blob %d\0" % len(data) + data).digest()
    assert isinstance(node, dict)
    entries = []
    for name, child in node.items():
        mode = b"40000" if isinstance(child, dict) else b"100755" if os.access(child, os.X_OK) else b"100644"
        # Git sorts a folder as if its name ended in a slash.
        entries.append((name + "/" if isinstance(child, dict) else name, mode, name.encode(), _object_id(child)))
    data = b"".join(mode + b" " + name + b"\0" + oid for _, mode, name, oid in sorted(entries))
    return hashlib.sha1(b"tree %d\0" % len(data) + data).digest()
