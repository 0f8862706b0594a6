"""A workspace: the base commit's tree in a fresh repository with one commit, and the diff that a run leaves in it.

No history, no remotes, no dangling objects: the fix cannot be looked up. The diff is taken with a git directory that
lies outside the workspace, since whatever runs inside may rewrite the workspace's own `.git`.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from worker_agent.git import IDENTITY, GitError, git, git_bytes

_DATE = {"GIT_AUTHOR_DATE": "2000-01-01T00:00:00Z", "GIT_COMMITTER_DATE": "2000-01-01T00:00:00Z"}


_BYTECODE = ":(exclude,glob)**/__pycache__/**"
"""What running the repository's own checks leaves behind; never part of a change."""


class BadBase(Exception):
    """The repository or the commit that a workspace should start from is not there."""


class RefusedDiff(Exception):
    """The change holds something that no submission may hold; the message names it."""


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


def make_template(repository: Path, commit: str, cache: Path) -> Template:
    """The template of `commit` in `repository`, made under `cache` if it is not there yet.

    Raises `BadBase` when the repository or the commit does not exist.
    """
    try:
        tree_id = git("rev-parse", "--verify", "--quiet", f"{commit}^{{tree}}", cwd=repository).strip()
    except (GitError, FileNotFoundError, NotADirectoryError):
        if not repository.exists():
            raise BadBase(f"there is no repository at {repository}") from None
        raise BadBase(f"commit {commit!r} does not exist in {repository}; fetch it, or name another base") from None
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
            "GIT_DIR": git("rev-parse", "--absolute-git-dir", cwd=repository).strip(),
            "GIT_WORK_TREE": str(made / "tree"),
            "GIT_INDEX_FILE": str(Path(name) / "index"),
        }
        git("read-tree", tree_id, cwd=made / "tree", env=source)
        # checkout-index, not archive: export-ignore would leave out the tests of many projects.
        git("checkout-index", "--all", "--force", cwd=made / "tree", env=source)
        git("init", "--quiet", "--initial-branch=main", "--template=", made / "tree")
        for key, value in {
            "core.checkStat": "minimal",
            "core.trustctime": "false",
            "core.autocrlf": "false",
        }.items():
            git("config", key, value, cwd=made / "tree")
        git("add", "--all", "--force", cwd=made / "tree")
        git(
            "commit",
            "--quiet",
            "--allow-empty",
            "--no-verify",
            "-m",
            "base",
            cwd=made / "tree",
            env=IDENTITY | _DATE,
        )
        shutil.copytree(made / "tree" / ".git", made / "git", symlinks=True)
        try:
            made.rename(home)
        except OSError:  # another process was first, and its template is the same
            if not home.exists():
                raise
    return template


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


def take_diff(workspace: Workspace) -> str:
    """The submission: everything that the run changed, as one binary-safe diff against the base.

    Raises `RefusedDiff` for links, submodules and nested repositories.
    """
    env = _trusted_git(workspace)
    if nested := _nested_repositories(workspace.root):
        raise RefusedDiff(f"{nested[0]} is a git repository inside the workspace")
    git("add", "--all", "--", ".", _BYTECODE, cwd=workspace.root, env=env)
    for line in git("diff", "--cached", "--raw", "-z", "--no-renames", "HEAD", cwd=workspace.root, env=env).split(
        "\0:"
    ):
        if not line:
            continue
        fields, _, path = line.lstrip(":").partition("\0")
        mode = fields.split()[1]
        if mode in ("120000", "160000"):
            kind = "a symbolic link" if mode == "120000" else "a submodule"
            raise RefusedDiff(f"{path.rstrip(chr(0))} is {kind}")
    diff = git_bytes(
        "diff", "--cached", "--binary", "--full-index", "--no-renames", "--no-color", "--no-ext-diff", "--no-textconv",
        "HEAD", cwd=workspace.root, env=env,
    )  # fmt: skip
    return diff.decode("utf-8", "surrogateescape")


def apply_diff(workspace: Workspace, diff: str) -> None:
    """Apply a submission to a fresh workspace. Raises `RefusedDiff` when it does not apply or leaves the tree."""
    if not diff.strip():
        return
    try:
        git(
            "apply", "--whitespace=nowarn", "-",
            cwd=workspace.root, stdin=diff.encode("utf-8", "surrogateescape"),
            env={"GIT_DIR": str(workspace.template.git_dir), "GIT_WORK_TREE": str(workspace.root)},
        )  # fmt: skip
    except GitError as error:
        raise RefusedDiff(str(error)) from None


def _trusted_git(workspace: Workspace) -> dict[str, str]:
    objects = workspace.trusted / "objects"
    objects.mkdir(exist_ok=True)
    return {
        "GIT_DIR": str(workspace.template.git_dir),
        "GIT_WORK_TREE": str(workspace.root),
        "GIT_INDEX_FILE": str(workspace.trusted / "index"),
        "GIT_OBJECT_DIRECTORY": str(objects),
        "GIT_ALTERNATE_OBJECT_DIRECTORIES": str(workspace.template.git_dir / "objects"),
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_CONFIG_NOSYSTEM": "1",
    }


def _nested_repositories(root: Path) -> list[str]:
    found = []
    for folder, names, files in os.walk(root):
        if folder != str(root) and (".git" in names or ".git" in files):
            found.append(os.path.relpath(folder, root))
        if ".git" in names:
            names.remove(".git")
    return found
