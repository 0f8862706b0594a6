"""A submission as a branch with one commit.

It is made without touching the user's working tree, index or HEAD.
"""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

from safeguards.inert_text import make_inert, make_inert_line
from worker_agent.git import GitError, run_git, user_identity
from worker_agent.records import Brief, Submission

VERSION_TRAILER = "Worker-Version"
"""The trailer that marks a pull request as the agent's, and names the version that wrote it."""


def branch_name(brief: Brief) -> str:
    """Return `work/` and a slug of the title."""
    slug = re.sub(r"[^a-z0-9]+", "-", brief.title.lower()).strip("-")[:50].rstrip("-")
    return f"work/{slug or 'ticket'}"


def write_message(title: str, body: str, trailer: str = "") -> str:
    """Return a commit's message whose title and body act on nothing, whoever wrote them.

    The trailer is ours, in a paragraph of its own at the end.
    """
    parts = (make_inert_line(title), make_inert(body).strip(), trailer)
    return "\n\n".join(part for part in parts if part) + "\n"


def make_branch(repository: Path, base: str, brief: Brief, submission: Submission, name: str) -> str:
    """Make a branch with one commit on `base`, the submission, and return its name.

    If `name` is taken, it gets `-2`, `-3`, ... Raises `GitError` if the diff does not apply to `base`.
    """
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
    parent = run_git("rev-parse", "--verify", f"{base}^{{commit}}", cwd=repository).strip()
    commit = run_git(
        "commit-tree",
        tree,
        "-p",
        parent,
        cwd=repository,
        env=user_identity(repository),
        stdin=write_message(brief.title, submission.summary, f"{VERSION_TRAILER}: {submission.version}").encode(),
    ).strip()
    taken, number = name, 1
    while has_branch(repository, taken):
        number += 1
        taken = f"{name}-{number}"
    run_git("update-ref", f"refs/heads/{taken}", commit, "0" * 40, cwd=repository)
    return taken


def has_branch(repository: Path, branch: str) -> bool:
    """Whether the repository has a local branch of that name."""
    try:
        run_git("rev-parse", "--verify", "--quiet", f"refs/heads/{branch}", cwd=repository)
    except GitError:
        return False
    return True
