"""A workspace: the base commit's tree in a fresh repository with one commit, and the diff that a run leaves in it.

No history, no remotes, no dangling objects: the fix cannot be looked up. The diff is taken with a git directory that
lies outside the workspace, since whatever runs inside may rewrite the workspace's own `.git`.
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

from worker_agent.git import META_IDENTITY, GitError, run_git

_COMMIT_DATE = {"GIT_AUTHOR_DATE": "2000-01-01T00:00:00Z", "GIT_COMMITTER_DATE": "2000-01-01T00:00:00Z"}


_FULL_COMMIT_ID = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")


class BadBase(Exception):
    """The repository or the commit that a workspace should start from is not there."""


@dataclass(frozen=True)
class Template:
    """A base tree, made once for each repository and commit, from which workspaces are copied."""

    tree: Path
    """Working files, with a `.git` of one commit."""
    git_dir: Path
    """The same repository outside the tree, trusted: used to take diffs."""


@dataclass(frozen=True)
class Workspace:
    """One run's own copy of a template. `root` is writable by the run; `trusted` is not visible to it."""

    root: Path
    trusted: Path
    template: Template
    taken: list[tuple[dict[str, FileStamp], str]] = field(default_factory=list, compare=False, repr=False)
    """The last diff, with the files that it was taken from."""


def make_template(repository: Path, commit: str, cache: Path) -> Template:
    """The template of `commit` in `repository`, made under `cache` if it is not there yet.

    Raises `BadBase` when the repository or the commit does not exist.
    """
    # What a commit's full name stands for never changes; a branch's may.
    tree_id = (_tree_id_of if _FULL_COMMIT_ID.fullmatch(commit) else _tree_id_of.__wrapped__)(repository, commit)
    # A tree id names its files wholly, so the cache needs no other key and is never stale.
    home = cache / hashlib.sha256(tree_id.encode()).hexdigest()[:24]
    template = Template(tree=home / "tree", git_dir=home / "git")
    if home.exists():
        return template
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache, prefix=".making-") as name:
        made = Path(name) / "template"
        (made / "tree").mkdir(parents=True)
        source = {
            "GIT_DIR": run_git("rev-parse", "--absolute-git-dir", cwd=repository).strip(),
            "GIT_WORK_TREE": str(made / "tree"),
            "GIT_INDEX_FILE": str(Path(name) / "index"),
        }
        run_git("read-tree", tree_id, cwd=made / "tree", env=source)
        # checkout-index, not archive: export-ignore would leave out the tests of many projects.
        run_git("checkout-index", "--all", "--force", cwd=made / "tree", env=source)
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
        except OSError:  # another process was first, and its template is the same
            if not home.exists():
                raise
    return template


@lru_cache(maxsize=1024)
def _tree_id_of(repository: Path, commit: str) -> str:
    try:
        return run_git("rev-parse", "--verify", "--quiet", f"{commit}^{{tree}}", cwd=repository).strip()
    except (GitError, FileNotFoundError, NotADirectoryError):
        if not repository.exists():
            raise BadBase(f"there is no repository at {repository}") from None
        raise BadBase(f"commit {commit!r} does not exist in {repository}; fetch it, or name another base") from None


def open_workspace(template: Template, where: Path) -> Workspace:
    """A fresh copy of the template under the new folder `where`."""
    where.mkdir(parents=True)
    root, trusted = where / "tree", where / "trusted"
    trusted.mkdir()
    # cp keeps modification times, so git's index still fits, and shares blocks where the file system can.
    copied = subprocess.run(["cp", "-a", "--reflink=auto", template.tree, root], capture_output=True, check=False)
    if copied.returncode:
        words = copied.stderr.decode("utf-8", "replace").strip()[-300:] or f"cp ended with {copied.returncode}"
        raise OSError(f"no workspace could be made: {words}")
    shutil.copyfile(template.git_dir / "index", trusted / "index")
    return Workspace(root=root, trusted=trusted, template=template)


FileStamp = tuple[int, int, int, int]
"""Size, modification time (ns) and kind of a file; and when its entry last changed, which cannot be set at will."""
