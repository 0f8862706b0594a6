"""DOCSTRING worker_agent.submission_diff."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path

from worker_agent.git import GitError, run_git, run_git_bytes
from worker_agent.workspace import FileStamp, Workspace

_BYTECODE = ":(exclude,glob)**/__pycache__/**"
"""What running the repository's own checks leaves behind; never part of a change."""


class RefusedDiff(Exception):
    """The change holds something that no submission may hold; the message names it."""


def take_diff(workspace: Workspace) -> str:
    """The submission: everything that the run changed, as one binary-safe diff against the base.

    Raises `RefusedDiff` for links, submodules, nested repositories and files that are no files. What is no UTF-8 is
    handed in as git's binary patches, so that the diff itself is text.
    """
    now = dict(_walk_files(workspace.root))
    if workspace.taken and workspace.taken[-1][0] == now:
        return workspace.taken[-1][1]
    before = _template_files(workspace.template.tree)
    changed = {path for path in before.keys() | now.keys() if before.get(path, ())[:3] != now.get(path, ())[:3]}
    for path in sorted(changed & now.keys()):
        if stat.S_ISLNK(now[path][2]):
            raise RefusedDiff(f"{path} is a symbolic link")
        if not stat.S_ISREG(now[path][2]):
            raise RefusedDiff(f"{path} is a pipe, a socket or a device")
    diff = _diff_against_base(workspace) if changed else ""
    workspace.taken[:] = [(now, diff)]
    return diff


def _diff_against_base(workspace: Workspace) -> str:
    env = _trusted_environment(workspace)
    try:
        run_git("add", "--all", "--", ".", _BYTECODE, cwd=workspace.root, env=env)
    except GitError as error:
        raise RefusedDiff(str(error)) from None
    diff = run_git_bytes(*_DIFF_ARGUMENTS, "HEAD", cwd=workspace.root, env=env)
    try:
        return diff.decode("utf-8")
    except UnicodeDecodeError:
        return _diff_with_binary_patches(workspace, env)


def _diff_with_binary_patches(workspace: Workspace, env: dict[str, str]) -> str:
    """The diff with every file that is no UTF-8, before or after, as a binary patch."""
    names = run_git("diff", "--cached", "--name-only", "--no-renames", "-z", "HEAD", cwd=workspace.root, env=env)
    blunt = workspace.trusted / "all-binary"
    shutil.rmtree(blunt, ignore_errors=True)
    shutil.copytree(workspace.template.git_dir, blunt, ignore=shutil.ignore_patterns("objects", "hooks"))
    (blunt / "info").mkdir(exist_ok=True)
    (blunt / "info" / "attributes").write_text("* -diff\n")  # these go before any .gitattributes in the tree
    (blunt / "objects").mkdir()
    parts = []
    for name in filter(None, names.split("\0")):
        one = ("HEAD", "--", f":(literal){name}")
        diff = run_git_bytes(*_DIFF_ARGUMENTS, *one, cwd=workspace.root, env=env)
        try:
            parts.append(diff.decode("utf-8"))
        except UnicodeDecodeError:
            diff = run_git_bytes(*_DIFF_ARGUMENTS, *one, cwd=workspace.root, env=env | {"GIT_DIR": str(blunt)})
            parts.append(diff.decode("ascii"))
    return "".join(parts)


_DIFF_ARGUMENTS = (
    "diff",
    "--cached",
    "--binary",
    "--full-index",
    "--no-renames",
    "--no-color",
    "--no-ext-diff",
    "--no-textconv",
)


def apply_diff(workspace: Workspace, diff: str) -> None:
    """Apply a submission to a fresh workspace. Raises `RefusedDiff` when it does not apply or leaves the tree."""
    if not diff.strip():
        return
    try:
        run_git(
            "apply",
            "--whitespace=nowarn",
            "-",
            cwd=workspace.root,
            stdin=diff.encode("utf-8", "surrogateescape"),
            env={"GIT_DIR": str(workspace.template.git_dir), "GIT_WORK_TREE": str(workspace.root)},
        )
    except GitError as error:
        raise RefusedDiff(str(error)) from None


def _trusted_environment(workspace: Workspace) -> dict[str, str]:
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


@lru_cache(maxsize=64)
def _template_files(tree: Path) -> Mapping[str, FileStamp]:
    return dict(_walk_files(tree))


def _walk_files(root: Path) -> Iterator[tuple[str, FileStamp]]:
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
