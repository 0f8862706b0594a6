"""A submission as a branch with one commit, made without touching anybody's working tree, index or HEAD."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

from worker_agent.git import IDENTITY, GitError, git
from worker_agent.records import Brief, Submission

TRAILER = "Worker-Version"
"""The trailer by which a PR of the worker is known, and the version that wrote it."""


def branch_name(brief: Brief) -> str:
    """`work/` and a slug of the title."""
    slug = re.sub(r"[^a-z0-9]+", "-", brief.title.lower()).strip("-")[:50].rstrip("-")
    return f"work/{slug or 'ticket'}"


def make_branch(repository: Path, base: str, brief: Brief, submission: Submission, name: str) -> str:
    """Create branch `name` at one commit on `base` that carries the submission; returns the commit.

    A taken name gets `-2`, `-3`, ... Raises `worker_agent.git.GitError` when the diff does not apply to `base`.
    """
    message = f"{brief.title}\n\n{submission.summary}".strip()
    with tempfile.TemporaryDirectory(prefix="submit-") as folder:
        index = {"GIT_INDEX_FILE": str(Path(folder) / "index")}
        git("read-tree", base, cwd=repository, env=index)
        git(
            "apply", "--cached", "--whitespace=nowarn", "-",
            cwd=repository, env=index, stdin=submission.diff.encode("utf-8", "surrogateescape"),
        )  # fmt: skip
        tree = git("write-tree", cwd=repository, env=index).strip()
    text = git(
        "interpret-trailers", "--trailer", f"{TRAILER}: {submission.version}",
        cwd=repository, stdin=(message + "\n").encode("utf-8", "surrogateescape"),
    )  # fmt: skip
    parent = git("rev-parse", "--verify", f"{base}^{{commit}}", cwd=repository).strip()
    commit = git(
        "commit-tree", tree, "-p", parent,
        cwd=repository, env=_identity(repository), stdin=text.encode("utf-8", "surrogateescape"),
    ).strip()  # fmt: skip
    taken, number = name, 1
    while _exists(repository, taken):
        number += 1
        taken = f"{name}-{number}"
    git("update-ref", f"refs/heads/{taken}", commit, "0" * 40, cwd=repository)
    return taken


def _exists(repository: Path, branch: str) -> bool:
    try:
        git("rev-parse", "--verify", "--quiet", f"refs/heads/{branch}", cwd=repository)
    except GitError:
        return False
    return True


def _identity(repository: Path) -> dict[str, str]:
    """The person's own identity where git knows one, else `meta`'s."""
    try:
        git("var", "GIT_AUTHOR_IDENT", cwd=repository)
        return {}
    except GitError:
        return IDENTITY
