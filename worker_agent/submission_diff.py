"""A submission's diff: taken from a run's workspace, applied to a fresh one.

The diff is taken with the template's git directory, which the run cannot reach: whatever runs in a workspace may
rewrite the workspace's own `.git`.
"""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path

from worker_agent.git import BINARY_DIFF, GitError, run_git, run_git_bytes
from worker_agent.workspace import FileStamp, Workspace

_BYTECODE = ":(exclude,glob)**/__pycache__/**"
"""Left behind by the repository's own checks; never part of a change."""


class RefusedDiff(Exception):
    """The change contains what no submission may contain; the message names it."""


def take_diff(workspace: Workspace) -> str:
    """Return everything that the run changed, as one diff against the base.

    The diff is valid UTF-8: files that are not become git's binary patches. Raises `RefusedDiff` for links, submodules,
    nested repositories and anything that is not a regular file.
    """
    now = dict(_walk_files(workspace.root))
    if workspace.last_diff and workspace.last_diff[-1][0] == now:
        return workspace.last_diff[-1][1]
    before = _template_files(workspace.template.tree)
    changed = {path for path in before.keys() | now.keys() if before.get(path, ())[:3] != now.get(path, ())[:3]}
    for path in sorted(changed & now.keys()):
        if stat.S_ISLNK(now[path][2]):
            raise RefusedDiff(f"{path} is a symbolic link")
        if not stat.S_ISREG(now[path][2]):
            raise RefusedDiff(f"{path} is a pipe, a socket or a device")
    diff = _diff_against_base(workspace) if changed else ""
    workspace.last_diff[:] = [(now, diff)]
    return diff


def _diff_against_base(workspace: Workspace) -> str:
    env = _trusted_environment(workspace)
    try:
        run_git("add", "--all", "--", ".", _BYTECODE, cwd=workspace.root, env=env)
    except GitError as error:
        raise RefusedDiff(str(error)) from None
    diff = run_git_bytes(*BINARY_DIFF, "--cached", "HEAD", cwd=workspace.root, env=env)
    try:
        return diff.decode("utf-8")
    except UnicodeDecodeError:
        return _diff_with_binary_patches(workspace, env)


def _diff_with_binary_patches(workspace: Workspace, env: dict[str, str]) -> str:
    """Return the diff, with a binary patch for each file that is not UTF-8.

    That is, not UTF-8 before the change or after it.
    """
    names = run_git("diff", "--cached", "--name-only", "--no-renames", "-z", "HEAD", cwd=workspace.root, env=env)
    binary_dir = workspace.trusted / "all-binary"
    shutil.rmtree(binary_dir, ignore_errors=True)
    shutil.copytree(workspace.template.git_dir, binary_dir, ignore=shutil.ignore_patterns("objects", "hooks"))
    (binary_dir / "info").mkdir(exist_ok=True)
    (binary_dir / "info" / "attributes").write_text("* -diff\n")  # this overrides every .gitattributes in the tree
    (binary_dir / "objects").mkdir()
    parts = []
    for name in filter(None, names.split("\0")):
        one_file = ("--cached", "HEAD", "--", f":(literal){name}")
        diff = run_git_bytes(*BINARY_DIFF, *one_file, cwd=workspace.root, env=env)
        try:
            parts.append(diff.decode("utf-8"))
        except UnicodeDecodeError:
            diff = run_git_bytes(*BINARY_DIFF, *one_file, cwd=workspace.root, env=env | {"GIT_DIR": str(binary_dir)})
            parts.append(diff.decode("ascii"))
    return "".join(parts)


def apply_diff(workspace: Workspace, diff: str) -> None:
    """Apply a submission to a fresh workspace.

    Raises `RefusedDiff` if it does not apply or leaves the tree.
    """
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
    }


@lru_cache(maxsize=64)
def _template_files(tree: Path) -> Mapping[str, FileStamp]:
    return dict(_walk_files(tree))


def _walk_files(root: Path) -> Iterator[tuple[str, FileStamp]]:
    """Yield every file under `root` with its stamp, except git's own and bytecode.

    Raises `RefusedDiff` for a nested repository.
    """
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
                    found = entry.stat(follow_symlinks=False)
                    yield prefix + entry.name, (found.st_size, found.st_mtime_ns, found.st_mode, found.st_ctime_ns)
