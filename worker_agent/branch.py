"""A submission as a branch with one commit, made without touching anybody's working tree, index or HEAD."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

from worker_agent.git import META_IDENTITY, GitError, run_git
from worker_agent.records import Brief, Submission

VERSION_TRAILER = "Worker-Version"
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
        run_git("read-tree", base, cwd=repository, env=index)
        run_git(
            "apply",
            "--cached",
            "--whitespace=nowarn",
            "-",
            cwd=repository,
            env=index,
            stdin=submission.diff.encode("utf-8", "surrogateescape"),
        )
        tree = run_git("write-tree", cwd=repository, env=index).strip()
    text = run_git(
        "interpret-trailers",
        "--trailer",
        f"{VERSION_TRAILER}: {submission.version}",
        cwd=repository,
        stdin=(message + "\n").encode("utf-8", "surrogateescape"),
    )
    parent = run_git("rev-parse", "--verify", f"{base}^{{commit}}", cwd=repository).strip()
    commit = run_git(
        "commit-tree",
        tree,
        "-p",
        parent,
        cwd=repository,
        env=_committer_identity(repository),
        stdin=text.encode("utf-8", "surrogateescape"),
    ).strip()
    taken, number = name, 1
    while _branch_exists(repository, taken):
        number += 1
        taken = f"{name}-{number}"
    run_git("update-ref", f"refs/heads/{taken}", commit, "0" * 40, cwd=repository)
    return taken


def _branch_exists(repository: Path, branch: str) -> bool:
    try:
        run_git("rev-parse", "--verify", "--quiet", f"refs/heads/{branch}", cwd=repository)
    except GitError:
        return False
    return True


def _committer_identity(repository: Path) -> dict[str, str]:
    """The person's own identity where git knows one, else `meta`'s."""
    try:
        run_git("var", "GIT_AUTHOR_IDENT", cwd=repository)
        return {}
    except GitError:
        return META_IDENTITY
