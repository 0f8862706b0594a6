"""Tells whether a brief says what hidden tests demand, and names kinds of work."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath

from meta.environments.commit_tree import CommitTree
from meta.tickets.mining.changes import MainlineChange, is_source_file
from worker_agent.git import GitError, run_git


def unspecified_names(brief: str, gold: str, base: CommitTree, fix: CommitTree, tests: Iterable[str]) -> list[str]:
    """Return names and texts that the tests demand and the worker cannot know.

    The changed tests use them, the gold change introduces them, and neither base nor brief has them.
    """
    added = "\n".join(line[1:] for line in gold.split("\n") if line.startswith("+") and not line.startswith("+++"))
    words = set(re.findall(r"[^\W\d]\w{2,}", added))
    names: set[str] = set()
    texts: set[str] = set()
    for path in tests:
        known = set(_find_demands(base.text(path)))
        for kind, value in _find_demands(fix.text(path)):
            if (kind, value) not in known:
                (names if kind == "name" else texts).add(value)
    told = set(re.findall(r"[^\W\d]\w{2,}", brief))
    missing = [n for n in sorted((names & words) - told) if not n.startswith("__") and not _occurs(base, n)]
    loose = _squeeze(added)
    return missing + [t for t in sorted(texts) if _squeeze(t) in loose and _squeeze(t) not in _squeeze(brief)]


def themes_of(change: MainlineChange, subject: str, gold: str) -> list[str]:
    """Return the kind of work and the part of the repository: "kind:…" and "part:…"."""
    weight: dict[str, int] = {}
    for path, count in change.changed_lines:
        if is_source_file(path):
            weight[_find_part(path)] = weight.get(_find_part(path), 0) + count
    part = max(weight, key=lambda p: weight[p]) if weight else "root"
    return [f"kind:{_find_kind(subject, gold)}", f"part:{part}"]


def _find_kind(subject: str, gold: str) -> str:
    text = subject.lower()
    if found := re.match(r"(feat|fix|perf)(\([^)]*\))?!?:", text):
        return {"feat": "feature", "fix": "fix", "perf": "speed"}[found[1]]
    for kind, pattern in (
        ("speed", r"\b(speed|perf|performance|faster|slow|optimi[sz]e|cache)\b"),
        ("typing", r"\b(typing|type hints?|annotations?|mypy)\b"),
        (
            "fix",
            r"\b(fix\w*|bug|crash\w*|error|wrong|incorrect\w*|handle|avoid|prevent|broken|don'?t|regression|reject)\b",
        ),
        ("feature", r"\b(add\w*|support\w*|allow\w*|implement\w*|new|introduce\w*|enable|accept|provide|expose)\b"),
        ("removal", r"\b(remove\w*|drop\w*|deprecat\w*)\b"),
    ):
        if re.search(pattern, text):
            return kind
    adds = sum(line.startswith(("+def ", "+class ")) for line in gold.split("\n"))
    return "feature" if adds else "change"


def _find_part(path: str) -> str:
    """Return the module or package that names a path's part of the repository.

    "src/shop/cart/total.py" is "cart".
    """
    parts = [p for p in PurePosixPath(path).with_suffix("").parts if p not in ("src", "lib")]
    below = parts[1:] if len(parts) > 1 else parts
    return (below[0] if below[0] != "__init__" else parts[0]).strip("_") or "root"


def _find_demands(text: str) -> Iterator[tuple[str, str]]:
    """Yield ("name", …) for what a test uses and ("text", …) for what it expects."""
    try:
        module = ast.parse(text)
    except (SyntaxError, ValueError):
        return
    for node in ast.walk(module):
        if isinstance(node, ast.ImportFrom):
            yield from (("name", alias.name) for alias in node.names)
        elif isinstance(node, ast.Attribute):
            yield "name", node.attr
        elif isinstance(node, ast.Call):
            for keyword in node.keywords:
                if keyword.arg:
                    yield "name", keyword.arg
                if keyword.arg == "match":
                    yield from (("text", value) for value in _find_texts(keyword.value))
        elif isinstance(node, ast.Compare):
            for side in (node.left, *node.comparators):
                yield from (("text", value) for value in _find_texts(side) if len(value) >= 15)


def _find_texts(node: ast.expr) -> Iterator[str]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str) and " " in node.value.strip():
        yield node.value


def _occurs(tree: CommitTree, name: str) -> bool:
    try:
        return bool(run_git("grep", "-lwF", "-e", name, tree.commit, "--", "*.py", "*.pyi", cwd=tree.repository))
    except GitError:  # git grep ends with 1 where nothing is found
        return False


def _squeeze(text: str) -> str:
    return re.sub(r"[\W_]+", "", text).lower()
