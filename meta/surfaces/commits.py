"""Reads and writes commits of the agent's repository as git objects.

It never touches the user's index or working tree.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from worker_agent.git import GIT_ATTEMPTS, GitError, open_repository, run_git, run_git_bytes, user_identity


@dataclass(frozen=True)
class CommittedFile:
    """A file in a commit; `path` is relative to the folder that was read."""

    path: str
    content: bytes
    is_executable: bool


def find_commit(repository: Path, revision: str) -> str | None:
    """Return the id of the commit that a revision names, or `None`.

    A revision is a branch, tag, id or `REVISION^`.
    """
    try:
        return run_git(
            "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}", cwd=repository
        ).strip()
    except GitError:
        return None


def read_folder(repository: Path, commit: str, folder: str, parts: Iterable[str]) -> list[CommittedFile]:
    """Return the regular files in some parts of a folder in a commit.

    Parts are files or folders in that folder. An empty `folder` means the whole tree. Raises `GitError` if the commit
    does not have the folder.
    """
    names = frozenset(parts)
    for _ in range(GIT_ATTEMPTS - 1):
        with contextlib.suppress(Exception):  # a git that is killed halfway may return anything, so start a new one
            return _read_folder(repository, commit, folder, names)
    return _read_folder(repository, commit, folder, names)


def _read_folder(repository: Path, commit: str, folder: str, names: Collection[str]) -> list[CommittedFile]:
    with open_repository(repository) as repo:
        tree = repo.commit(commit).tree
        try:
            tree = tree / folder if folder else tree
        except KeyError:
            raise GitError(f"{commit} has no folder {folder}") from None
        files = [(os.path.relpath(item.path, folder or "."), item) for item in tree.traverse()]
        return [
            CommittedFile(path, item.data_stream.read(), is_executable=item.mode == item.executable_mode)
            for path, item in files
            if item.type == "blob" and item.mode != item.link_mode and path.split("/")[0] in names
        ]


def write_commit(
    repository: Path, parent: str, files: Mapping[str, str | None], message: str, second_parent: str = ""
) -> str:
    """Commit `parent`'s tree with these files changed, and return the commit's id.

    `files` maps a path to its new text, or to `None` to remove it.
    """
    with tempfile.TemporaryDirectory(prefix="index-") as folder:
        index = {"GIT_INDEX_FILE": str(Path(folder) / "index")}
        run_git("read-tree", parent, cwd=repository, env=index)
        entries = [_index_entry(repository, path, text, len(parent)) for path, text in files.items()]
        lines = "".join(entries).encode("utf-8", "surrogateescape")
        run_git("update-index", "-z", "--index-info", cwd=repository, env=index, stdin=lines)
        tree = run_git("write-tree", cwd=repository, env=index).strip()
    parents = ["-p", parent, *(["-p", second_parent] if second_parent else [])]
    return run_git("commit-tree", tree, *parents, "-m", message, cwd=repository, env=user_identity(repository)).strip()


def merge_files(ours: Path, base: Path, theirs: Path, *, keep_both: bool) -> str | None:
    """Merge two versions of a file, or return `None` if they conflict.

    `keep_both` keeps the lines of both sides where they conflict.
    """
    union = ["--union"] if keep_both else []
    try:
        merged = run_git_bytes("merge-file", "-p", "--quiet", *union, ours, base, theirs, cwd=ours.parent)
    except GitError:
        return None
    return merged.decode("utf-8", "surrogateescape")


def _index_entry(repository: Path, path: str, text: str | None, id_length: int) -> str:
    if text is None:
        return f"0 {'0' * id_length}\t{path}\0"
    blob = run_git(
        "hash-object", "-w", "--stdin", cwd=repository, stdin=text.encode("utf-8", "surrogateescape")
    ).strip()
    return f"100644 {blob}\t{path}\0"
