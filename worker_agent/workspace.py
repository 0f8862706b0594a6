"""A workspace: the base commit's tree in a fresh repository with one commit, and the diff that a run leaves in it.

No history, no remotes, no dangling objects: the fix cannot be looked up. The diff is taken with a git directory that
lies outside the workspace, since whatever runs inside may rewrite the workspace's own `.git`.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from worker_agent.git import IDENTITY, GitError, git, git_bytes

_DATE = {"GIT_AUTHOR_DATE": "2000-01-01T00:00:00Z", "GIT_COMMITTER_DATE": "2000-01-01T00:00:00Z"}


_FULL_NAME = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")


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
    taken: list[tuple[dict[str, Stamp], str]] = field(default_factory=list, compare=False, repr=False)
    """The last diff, with the files that it was taken from."""


def make_template(repository: Path, commit: str, cache: Path) -> Template:
    """The template of `commit` in `repository`, made under `cache` if it is not there yet.

    Raises `BadBase` when the repository or the commit does not exist.
    """
    # What a commit's full name stands for never changes; a branch's may.
    tree_id = (_tree_of if _FULL_NAME.fullmatch(commit) else _tree_of.__wrapped__)(repository, commit)
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
        # One file in place of one for each file of the tree: a workspace is copied in half the time.
        git("repack", "-a", "-d", "-q", cwd=made / "tree")
        shutil.copytree(made / "tree" / ".git", made / "git", symlinks=True)
        try:
            made.rename(home)
        except OSError:  # another process was first, and its template is the same
            if not home.exists():
                raise
    return template


@lru_cache(maxsize=1024)
def _tree_of(repository: Path, commit: str) -> str:
    try:
        return git("rev-parse", "--verify", "--quiet", f"{commit}^{{tree}}", cwd=repository).strip()
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


def take_diff(workspace: Workspace) -> str:
    """The submission: everything that the run changed, as one binary-safe diff against the base.

    Raises `RefusedDiff` for links, submodules, nested repositories and files that are no files. What is no UTF-8 is
    handed in as git's binary patches, so that the diff itself is text.
    """
    now = dict(_walk(workspace.root))
    if workspace.taken and workspace.taken[-1][0] == now:
        return workspace.taken[-1][1]
    before = _template_files(workspace.template.tree)
    changed = {path for path in before.keys() | now.keys() if before.get(path, ())[:3] != now.get(path, ())[:3]}
    for path in sorted(changed & now.keys()):
        if stat.S_ISLNK(now[path][2]):
            raise RefusedDiff(f"{path} is a symbolic link")
        if not stat.S_ISREG(now[path][2]):
            raise RefusedDiff(f"{path} is a pipe, a socket or a device")
    diff = _diff(workspace) if changed else ""
    workspace.taken[:] = [(now, diff)]
    return diff


def _diff(workspace: Workspace) -> str:
    env = _trusted_git(workspace)
    try:
        git("add", "--all", "--", ".", _BYTECODE, cwd=workspace.root, env=env)
    except GitError as error:
        raise RefusedDiff(str(error)) from None
    diff = git_bytes(*_DIFF, "HEAD", cwd=workspace.root, env=env)
    try:
        return diff.decode("utf-8")
    except UnicodeDecodeError:
        return _without_foreign_text(workspace, env)


def _without_foreign_text(workspace: Workspace, env: dict[str, str]) -> str:
    """The diff with every file that is no UTF-8, before or after, as a binary patch."""
    names = git("diff", "--cached", "--name-only", "--no-renames", "-z", "HEAD", cwd=workspace.root, env=env)
    blunt = workspace.trusted / "all-binary"
    shutil.rmtree(blunt, ignore_errors=True)
    shutil.copytree(workspace.template.git_dir, blunt, ignore=shutil.ignore_patterns("objects", "hooks"))
    (blunt / "info").mkdir(exist_ok=True)
    (blunt / "info" / "attributes").write_text("* -diff\n")  # these go before any .gitattributes in the tree
    (blunt / "objects").mkdir()
    parts = []
    for name in filter(None, names.split("\0")):
        one = ("HEAD", "--", f":(literal){name}")
        diff = git_bytes(*_DIFF, *one, cwd=workspace.root, env=env)
        try:
            parts.append(diff.decode("utf-8"))
        except UnicodeDecodeError:
            diff = git_bytes(*_DIFF, *one, cwd=workspace.root, env=env | {"GIT_DIR": str(blunt)})
            parts.append(diff.decode("ascii"))
    return "".join(parts)


_DIFF = (
    "diff", "--cached", "--binary", "--full-index", "--no-renames", "--no-color", "--no-ext-diff", "--no-textconv",
)  # fmt: skip


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


Stamp = tuple[int, int, int, int]
"""Size, modification time (ns) and kind of a file; and when its entry last changed, which cannot be set at will."""


@lru_cache(maxsize=64)
def _template_files(tree: Path) -> Mapping[str, Stamp]:
    return dict(_walk(tree))


def _walk(root: Path) -> Iterator[tuple[str, Stamp]]:
    """Every file below the root with its stamp, git's own and bytecode left out. Raises `RefusedDiff` for a nested
    repository."""
    folders = [(str(root), "")]
    while folders:
        folder, prefix = folders.pop()
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.name == ".git":
                    if prefix:
                        raise RefusedDiff(f"{prefix.rstrip('/')} is a git repository inside the workspace")
                elif entry.is_dir(follow_symlinks=False):
                    if entry.name != "__pycache__":
                        folders.append((entry.path, f"{prefix}{entry.name}/"))
                else:
                    about = entry.stat(follow_symlinks=False)
                    yield prefix + entry.name, (about.st_size, about.st_mtime_ns, about.st_mode, about.st_ctime_ns)
