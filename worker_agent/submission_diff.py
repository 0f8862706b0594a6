"""A submission's diff: taken from a run's workspace, applied to a fresh one.

The diff is taken with the template's git directory, which the run cannot reach: whatever runs in a workspace may
rewrite the workspace's own `.git`. Git runs on foreign files here, so it has limits of its own.
"""

from __future__ import annotations

import shutil
import stat
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path, PurePosixPath

from worker_agent.foreign_tree import OddTree, walk_tree
from worker_agent.git import BINARY_DIFF, GitError, run_git, run_git_bytes
from worker_agent.machine_error import is_machine_error
from worker_agent.workspace import FileStamp, Workspace

MAX_CHANGED_FILES, MAX_CHANGED_BYTES = 5000, 64 << 20
"""Nobody could review a change of more files or bytes, and it would fill memory."""

_BYTECODE = ":(exclude,glob)**/__pycache__/**"
"""Left behind by the repository's own checks; never part of a change."""


class RefusedDiff(Exception):
    """The change contains what no submission may contain; the message names it."""


def take_diff(workspace: Workspace) -> str:
    """Return everything that the run changed, as one diff against the base.

    The diff is valid UTF-8: files that are not become git's binary patches. Raises `RefusedDiff` for links, submodules,
    nested repositories and anything that is not a regular file.
    """
    now = _find_files(workspace.root)
    if workspace.last_diff and workspace.last_diff[-1][0] == now:
        return workspace.last_diff[-1][1]
    diff = _diff_against_base(workspace) if _require_plain_change(workspace, now) else ""
    workspace.last_diff[:] = [(now, diff)]
    return diff


def _require_plain_change(workspace: Workspace, now: Mapping[str, FileStamp]) -> set[str]:
    """Return the paths that differ from the base.

    Raises `RefusedDiff` if one of them is not a regular file, or there is too much of them.
    """
    before = _template_files(workspace.template.tree)
    changed = {path for path in before.keys() | now.keys() if before.get(path, ())[:3] != now.get(path, ())[:3]}
    for path in sorted(changed & now.keys()):
        if stat.S_ISLNK(now[path][2]):
            raise RefusedDiff(f"{path} is a symbolic link")
        if not stat.S_ISREG(now[path][2]):
            raise RefusedDiff(f"{path} is a pipe, a socket or a device")
    if len(changed) > MAX_CHANGED_FILES:
        raise RefusedDiff(f"it changes {len(changed):,} files; at most {MAX_CHANGED_FILES:,} may change")
    if (size := sum(now[path][0] for path in changed & now.keys())) > MAX_CHANGED_BYTES:
        raise RefusedDiff(f"its files have {size >> 20} MB; at most {MAX_CHANGED_BYTES >> 20} MB may change")
    return changed


def _diff_against_base(workspace: Workspace) -> str:
    env = _trusted_environment(workspace)
    try:
        run_git("add", "--all", "--", ".", _BYTECODE, cwd=workspace.root, env=env, bounded=True)
        diff = run_git_bytes(*BINARY_DIFF, "--cached", "HEAD", cwd=workspace.root, env=env, bounded=True)
        try:
            return diff.decode("utf-8")
        except UnicodeDecodeError:
            return _diff_with_binary_patches(workspace, env)
    except GitError as error:
        raise RefusedDiff(str(error)) from None


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
        one_file = (*BINARY_DIFF, "--cached", "HEAD", "--", f":(literal){name}")
        diff = run_git_bytes(*one_file, cwd=workspace.root, env=env, bounded=True)
        try:
            parts.append(diff.decode("utf-8"))
        except UnicodeDecodeError:
            binary = env | {"GIT_DIR": str(binary_dir)}
            parts.append(run_git(*one_file, cwd=workspace.root, env=binary, bounded=True))
    return "".join(parts)


def apply_diff(workspace: Workspace, diff: str) -> None:
    """Apply a submission to a fresh workspace.

    Raises `RefusedDiff` if it does not apply, leaves the tree, or makes what no submission may contain: a diff can
    disguise what it makes, so the tree is looked at.
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
            bounded=True,
        )
    except (GitError, UnicodeError) as error:
        raise RefusedDiff(str(error)) from None
    _require_plain_change(workspace, _find_files(workspace.root))


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
    return _find_files(tree)


def _find_files(root: Path) -> dict[str, FileStamp]:
    """Return every file under `root` with its stamp, except git's own and bytecode.

    Raises `RefusedDiff` for a nested repository, and for a tree that cannot be read.
    """
    try:
        return dict(_walk_files(root))
    except OddTree as odd:
        raise RefusedDiff(str(odd)) from None
    except OSError as error:
        if is_machine_error(error):
            raise
        raise RefusedDiff(f"its files cannot be read: {error.strerror}") from None


def _walk_files(root: Path) -> Iterator[tuple[str, FileStamp]]:
    for path, found in walk_tree(root, _is_project_folder):
        if PurePosixPath(path).name == ".git":
            _refuse_nested(path)
        else:
            yield path, (found.st_size, found.st_mtime_ns, found.st_mode, found.st_ctime_ns)


def _is_project_folder(path: str) -> bool:
    name = PurePosixPath(path).name
    if name == ".git":
        _refuse_nested(path)
    return name not in (".git", "__pycache__")


def _refuse_nested(path: str) -> None:
    if "/" in path:
        raise RefusedDiff(f"{path.rpartition('/')[0]} is a git repository inside the workspace")
