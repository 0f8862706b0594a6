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
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError

from worker_agent.records import AgentRecord, Limits

DEFAULT_ROOT = Path(__file__).parent
"""The surface of the agent that comes with `meta`."""

PROMPT_FILES = ("system.md", "ticket.md", "not_done.md", "text.md")


class BadSurface(Exception):
    """A file of the surface does not load; the message says which and why."""


class AgentConfig(AgentRecord):
    """The settings in agent.toml. Its limits can only tighten those of meta.toml."""

    protocol: Literal["tools", "text"] = "tools"
    model: str = Field("", description="model id; empty: the one in meta.toml or --model")
    effort: Literal["", "low", "medium", "high", "xhigh", "max"] = ""
    max_tokens: int = Field(8192, ge=64, description="tokens in one reply, at most")
    tools: tuple[str, ...] = ()
    result_chars: int = Field(12_000, ge=200, description="characters of one tool result, at most")
    context_chars: int = Field(
        24_000, ge=1000, description="characters of the repository's files that the text protocol shows"
    )
    submit_attempts: int = Field(3, ge=1, description="submissions that the checks may turn down before the run ends")
    limits: Limits = Limits()


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
    try:
        text = (root / "agent.toml").read_text("utf-8")
        config = AgentConfig.model_validate(tomllib.loads(text))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise BadSurface(f"agent.toml: {error}") from None
    except ValidationError as error:
        first = error.errors()[0]
        raise BadSurface(f"agent.toml: {'.'.join(map(str, first['loc']))}: {first['msg']}") from None
    prompts = {}
    for name in PROMPT_FILES:
        try:
            prompts[name] = (root / "prompts" / name).read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise BadSurface(f"prompts/{name}: {error}") from None
    for name in config.tools:
        if not name.isidentifier() or not (root / "tools" / f"{name}.py").is_file():
            raise BadSurface(f"agent.toml names the tool {name!r}, but there is no tools/{name}.py")
    return Surface(root=root, config=config, prompts=prompts, version=hash_surface(root))


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
