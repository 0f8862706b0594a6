"""Workspaces: a base commit's tree in a fresh repository with one commit.

There is no history, no remote and no dangling object, so the fix cannot be looked up. Each workspace is a copy of a
cached template.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from worker_agent.borrowed_objects import borrow_objects
from worker_agent.git import META_IDENTITY, GitError, run_git
from worker_agent.machine_error import MachineError

_COMMIT_DATE = {"GIT_AUTHOR_DATE": "2000-01-01T00:00:00Z", "GIT_COMMITTER_DATE": "2000-01-01T00:00:00Z"}
_FULL_COMMIT_ID = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")


class BadBase(Exception):
    """The repository or the commit that a workspace should start from does not exist."""


@dataclass(frozen=True)
class Template:
    """A base tree from which workspaces are copied, made once for each tree."""

    tree: Path
    """Working files, with a `.git` that has one commit."""
    git_dir: Path
    """A copy of that `.git` which no run can reach: diffs are taken with it."""


@dataclass(frozen=True)
class Workspace:
    """One run's own copy of a template.

    The run can write to `root`, and cannot see `trusted`.
    """

    root: Path
    trusted: Path
    template: Template
    last_diff: list[tuple[dict[str, FileStamp], str]] = field(default_factory=list, compare=False, repr=False)
    """The last diff taken, after the stamps of the files that it was taken from; empty before the first."""


def make_template(repository: Path, commit: str, cache: Path) -> Template:
    """Return the template of `commit`, making it under `cache` if it is not there.

    Raises `BadBase` if the repository or the commit does not exist.
    """
    # A full commit id always names the same commit; a branch may move.
    tree_id = (_tree_id_of if _FULL_COMMIT_ID.fullmatch(commit) else _tree_id_of.__wrapped__)(repository, commit)
    # A tree id determines every file, so the cache needs no other key and is never stale.
    home = cache / hashlib.sha256(tree_id.encode()).hexdigest()[:24]
    template = Template(tree=home / "tree", git_dir=home / "git")
    if home.exists():
        return template
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache, prefix=".making-") as folder:
        made = Path(folder) / "template"
        (made / "tree").mkdir(parents=True)
        _check_out(repository, tree_id, made / "tree", Path(folder))
        run_git("init", "--quiet", "--initial-branch=main", "--template=", made / "tree")
        for key, value in {
            "core.checkStat": "minimal",
            "core.trustctime": "false",
            "core.autocrlf": "false",
        }.items():
            run_git("config", key, value, cwd=made / "tree")
        run_git("add", "--all", "--force", cwd=made / "tree")
        run_git(
            "commit",
            "--quiet",
            "--allow-empty",
            "--no-verify",
            "-m",
            "base",
            cwd=made / "tree",
            env=META_IDENTITY | _COMMIT_DATE,
        )
        # One file in place of one for each file of the tree: a workspace is copied in half the time.
        run_git("repack", "-a", "-d", "-q", cwd=made / "tree")
        shutil.copytree(made / "tree" / ".git", made / "git", symlinks=True)
        try:
            made.rename(home)
        except OSError:  # another process was faster, and its template is the same
            if not home.exists():
                raise
    return template


def _check_out(repository: Path, tree_id: str, target: Path, scratch: Path) -> None:
    """Write the files of a tree into the folder `target`.

    An empty repository that borrows the objects does this, so that neither the configuration of `repository` nor its
    filters (large files, encryption) decide what the files contain.
    """
    borrower = scratch / "borrower"
    borrow_objects(repository, borrower)
    env = {"GIT_DIR": str(borrower), "GIT_WORK_TREE": str(target), "GIT_INDEX_FILE": str(scratch / "index")}
    run_git("read-tree", tree_id, cwd=target, env=env)
    # checkout-index, not archive: export-ignore would leave out the tests of many projects.
    run_git("checkout-index", "--all", "--force", cwd=target, env=env)


@lru_cache(maxsize=1024)
def _tree_id_of(repository: Path, commit: str) -> str:
    try:
        return run_git("rev-parse", "--verify", "--quiet", f"{commit}^{{tree}}", cwd=repository).strip()
    except (GitError, FileNotFoundError, NotADirectoryError):
        if not repository.exists():
            raise BadBase(f"no repository at {repository}") from None
        raise BadBase(f"commit {commit!r} does not exist in {repository}; fetch it, or name another base") from None


def copy_tree(source: Path, target: Path) -> Path:
    """Copy a tree to the new folder `target`, and return that. Raises `MachineError`."""
    # cp keeps modification times, so that git's index stays valid, and shares blocks if the file system can.
    copied = subprocess.run(["cp", "-a", "--reflink=auto", source, target], capture_output=True, check=False)
    if copied.returncode:
        reason = copied.stderr.decode("utf-8", "replace").strip()[-300:] or f"cp exited with {copied.returncode}"
        raise MachineError(f"cannot make a workspace: {reason}")
    return target


def open_workspace(template: Template, where: Path) -> Workspace:
    """Copy the template into the new folder `where`. Raises `MachineError`."""
    where.mkdir(parents=True)
    root, trusted = where / "tree", where / "trusted"
    trusted.mkdir()
    copy_tree(template.tree, root)
    shutil.copyfile(template.git_dir / "index", trusted / "index")
    return Workspace(root=root, trusted=trusted, template=template)


FileStamp = tuple[int, int, int, int]
"""A file's size, modification time (ns) and mode, and when its inode last changed, which no program can set."""
