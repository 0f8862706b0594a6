"""Reads a repository's objects, and nothing else of it: no configuration, attributes, filters, hooks or refs."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from worker_agent.git import run_git


def borrow_objects(repository: Path, where: Path) -> None:
    """Make a bare repository in the new folder `where` that has the objects of `repository` and no refs.

    What a partial clone lacks is missing there, and never fetched. Raises `GitError` if there is no repository.
    """
    told = run_git(
        "rev-parse", "--path-format=absolute", "--git-path", "objects", "--show-object-format", cwd=repository
    )
    objects, object_format = told.rstrip("\n").rsplit("\n", 1)
    run_git("init", "--quiet", "--bare", "--template=", f"--object-format={object_format}", where)
    (where / "objects" / "info" / "alternates").write_text(objects + "\n", "utf-8", "surrogateescape")


@contextmanager
def borrowed_objects(repository: Path) -> Iterator[Path]:
    """Open such a repository in a temporary folder."""
    with tempfile.TemporaryDirectory(prefix="meta-objects-") as folder:
        where = Path(folder) / "objects.git"
        borrow_objects(repository, where)
        yield where
