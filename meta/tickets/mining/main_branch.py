"""Chooses the branch to read in a clone, and says what the clone lacks. Nothing is fetched."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from meta.project import Report
from worker_agent.git import GitError, run_git

_FALLBACKS = ("refs/remotes/origin/HEAD", "refs/heads/main", "refs/heads/master")
"""What HEAD stands for in a clone whose own HEAD leads nowhere."""


def choose_branch(repository: Path, branch: str, report: Report) -> str:
    """Return what to read for a branch.

    A local branch that lacks commits of the one that it follows stands for that one, and a branch that is not there for
    `origin`'s; `report` says so. A full name, `refs/…`, stands for itself.
    """
    if branch.startswith("refs/"):
        return branch
    full = _full_name_of(repository, branch)
    if not full:
        names = _FALLBACKS if branch == "HEAD" else (f"refs/remotes/origin/{branch}",)
        found = next((name for name in names if _full_name_of(repository, name)), branch)
        if found != branch:
            report(f"{repository} has no commit at {branch}, so {_short(found)} is read")
        return found
    upstream = _find_upstream(repository, full)
    missing = _count_missing(repository, full, upstream) if upstream else 0
    if not missing:
        return branch
    report(
        f"{_short(full)} lacks {missing:,} commits of {_short(upstream)}, so {_short(upstream)} is read;"
        f" `--branch {full}` reads it as it is"
    )
    return upstream


def report_gaps(repository: Path, report: Report) -> None:
    """Say that a clone is shallow or partial, and how to complete it."""
    with suppress(GitError, OSError):
        if run_git("rev-parse", "--is-shallow-repository", cwd=repository).strip() == "true":
            report(f"{repository} is a shallow clone, whose history ends early; `git fetch --unshallow` completes it")
    with suppress(GitError, OSError):
        if "true" in run_git("config", "--get-regexp", r"^remote\..*\.promisor$", cwd=repository):
            report(
                f"{repository} is a partial clone; changes whose files it lacks are set aside;"
                " `git fetch --refetch --no-filter` completes it"
            )


def _full_name_of(repository: Path, name: str) -> str:
    """Return the full name of a branch, or what else names a commit; "" if nothing is there."""
    with suppress(GitError, OSError):
        commit = run_git("rev-parse", "--verify", "--quiet", f"{name}^{{commit}}", cwd=repository).strip()
        return run_git("rev-parse", "--symbolic-full-name", name, cwd=repository).strip() or commit
    return ""


def _find_upstream(repository: Path, branch: str) -> str:
    if not branch.startswith("refs/heads/"):
        return ""
    with suppress(GitError):
        told = run_git("for-each-ref", "--format=%(upstream)", branch, cwd=repository).strip()
        upstream = told or branch.replace("refs/heads/", "refs/remotes/origin/", 1)
        return upstream if _full_name_of(repository, upstream) else ""
    return ""


def _count_missing(repository: Path, branch: str, upstream: str) -> int:
    with suppress(GitError):
        return int(run_git("rev-list", "--count", f"{branch}..{upstream}", "--", cwd=repository))
    return 0


def _short(name: str) -> str:
    return name.removeprefix("refs/heads/").removeprefix("refs/remotes/")
