"""What README.md and the docs promise is there: commands, options, targets, files."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
TEXT = {page.name: page.read_text() for page in PAGES}


def _code(text: str) -> list[str]:
    """Lines of code: in fences, indented by four, and between single backticks."""
    fenced = [line for block in re.findall(r"```\w*\n(.*?)```", text, re.DOTALL) for line in block.splitlines()]
    indented = [line for line in text.splitlines() if line.startswith("    ")]
    inline = re.findall(r"`([^`\n]+)`", text)
    return [line.strip().removeprefix("$ ") for line in (*fenced, *indented, *inline)]


def _commands() -> list[str]:
    found = set()
    for text in TEXT.values():
        for line in _code(text):
            words = line.split("#")[0].split()
            if words[:1] == ["meta"] and len(words) > 1 and re.fullmatch(r"[a-z][a-z-]+", words[1]):
                found.add(" ".join(words))
    return sorted(found)


@pytest.fixture(scope="module")
def helps() -> dict[tuple[str, ...], str]:
    return {}


def _help(path: tuple[str, ...], known: dict[tuple[str, ...], str]) -> str:
    if path not in known:
        done = subprocess.run(
            [sys.executable, "-m", "meta", *path, "--help"], capture_output=True, text=True, check=False
        )
        known[path] = done.stdout if done.returncode == 0 else ""
    return known[path]


@pytest.mark.parametrize("command", _commands())
def test_every_command_in_the_docs_exists_with_its_options(command: str, helps: dict[tuple[str, ...], str]) -> None:
    words = command.split()[1:]
    help_ = _help((words[0],), helps)
    assert help_, f"there is no `meta {words[0]}`"
    if len(words) > 1 and re.search(rf"^  {re.escape(words[1])}  ", help_, re.MULTILINE) and "Commands:" in help_:
        help_ = _help((words[0], words[1]), helps)
    for word in words:
        if option := re.match(r"\[?(--[a-z-]+)", word):
            assert option[1] in help_, f"`meta {words[0]}` has no {option[1]}"


def test_every_make_target_in_the_docs_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = {m for text in TEXT.values() for line in _code(text) for m in re.findall(r"^make ([a-z-]+)", line)}
    assert {"demo", "test"} <= named
    assert named <= targets


def test_every_linked_page_exists() -> None:
    for page in PAGES:
        for link in re.findall(r"\]\(([^)#:]+)\)", page.read_text()):
            assert (page.parent / link).exists(), f"{page.name} links to {link}"


def test_every_bench_in_the_docs_exists() -> None:
    named = {m for text in TEXT.values() for m in re.findall(r"python -m (bench\.[a-z_.]+[a-z_])", text)}
    assert named
    for module in named:
        path = ROOT / module.replace(".", "/")
        assert path.with_suffix(".py").exists() or (path / "__main__.py").exists(), module


def test_every_setting_in_the_docs_is_one(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    done = subprocess.run(
        [sys.executable, "-m", "meta", "-C", str(tmp_path), "init"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    template = (tmp_path / "meta.toml").read_text()
    for text in TEXT.values():
        for section, key in re.findall(r"`(worker|proposer|tune|replay|agent)\.(?!toml)([a-z_]+)(?: = [^`]+)?`", text):
            assert re.search(rf"^#? ?\[+{section}\b", template, re.MULTILINE), section
            assert re.search(rf"^#? ?{key} = ", template, re.MULTILINE), f"{section}.{key}"


@pytest.mark.parametrize(
    ("leaf", "strangers"),
    [
        ("worker_agent", {"meta", "feedback"}),
        ("feedback", {"meta", "worker_agent"}),
        ("safeguards", {"meta", "worker_agent", "feedback"}),
    ],
)
def test_the_leaves_know_nobody(leaf: str, strangers: set[str]) -> None:
    for file in (ROOT / leaf).rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) and not node.level else []
            assert not {name.split(".")[0] for name in names} & strangers, file
