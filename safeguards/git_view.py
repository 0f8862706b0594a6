"""Reads a repository without what only this clone of it says: drivers, attributes, settings.

A setting can be overruled by another, but not a driver (`[diff "x"]`, `[merge "x"]`, `[filter "x"]`) or a line in
`info/attributes`. So commands that ask for attributes read the repository through a folder with a configuration of
ours, the clone's refs, and its objects.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

ATTRIBUTE_READERS = frozenset({"diff", "diff-tree", "log", "show", "merge-tree", "grep"})
_OBJECT_FORMAT = re.compile(r"^\s*objectformat\s*=\s*\"?sha256", re.IGNORECASE | re.MULTILINE)


@contextmanager
def view_repository(folder: Path) -> Iterator[Mapping[str, str]]:
    """Yield the variables with which git reads the repository at `folder` as a bare one of its own.

    There are none where no repository is found, or where refs are not files: git then reads it directly.
    """
    own = _find_git_folder(folder.absolute())
    common = _common_folder(own) if own else None
    if own is None or common is None or not (common / "refs").is_dir() or (common / "reftable").exists():
        yield {}
        return
    with tempfile.TemporaryDirectory(prefix="git-view-") as name:
        view = Path(name)
        (view / "objects").mkdir()
        (view / "HEAD").write_bytes((own / "HEAD").read_bytes())
        sha256 = _OBJECT_FORMAT.search((common / "config").read_text("utf-8", "replace"))
        version = "1\n[extensions]\n\tobjectFormat = sha256" if sha256 else "0"
        (view / "config").write_text(f"[core]\n\tbare = true\n\trepositoryFormatVersion = {version}\n")
        for part in ("refs", "packed-refs", "shallow"):
            if (common / part).exists():
                (view / part).symlink_to(common / part)
        yield {"GIT_DIR": str(view), "GIT_OBJECT_DIRECTORY": str(common / "objects")}


def _find_git_folder(folder: Path) -> Path | None:
    for place in (folder, *folder.parents):
        git = place / ".git"
        if git.is_dir():
            return git
        if git.is_file():  # a worktree or a submodule
            target = git.read_text("utf-8", "surrogateescape").removeprefix("gitdir:").strip()
            return place / target
        if (place / "HEAD").is_file() and (place / "objects").is_dir() and (place / "refs").is_dir():
            return place
    return None


def _common_folder(own: Path) -> Path | None:
    pointer = own / "commondir"
    common = own / pointer.read_text("utf-8", "surrogateescape").strip() if pointer.is_file() else own
    return common if (common / "config").is_file() and (own / "HEAD").is_file() else None
