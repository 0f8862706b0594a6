"""Worker versions and proposals in git: read from commits, written as commits, never through a working tree."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from meta.errors import MetaError
from worker_agent.git import IDENTITY
from worker_agent.surface import Surface, load

if TYPE_CHECKING:
    from git import Commit, Repo

PARTS = ("agent.toml", "prompts", "tools")


@dataclass(frozen=True)
class Version:
    """One state of the surface: the commit it was read from, and its files on disk."""

    commit: str
    surface: Surface

    @property
    def id(self) -> str:
        return self.surface.version


class Versions:
    """The agent's repository. `folder` is the surface's place in it, `cache` where versions are laid out."""

    def __init__(self, repository: Path, folder: str, cache: Path) -> None:
        from git import InvalidGitRepositoryError, NoSuchPathError, Repo

        try:
            self.repo: Repo = Repo(repository)
        except (InvalidGitRepositoryError, NoSuchPathError):
            raise MetaError(
                f"{repository} is no git repository, so the agent has no versions",
                "set worker.repository in meta.toml to the repository that holds the agent, or run `git init` there",
            ) from None
        self.folder, self.cache = folder.strip("/"), cache / "versions"

    def head(self) -> Version:
        """The version in use: the surface as committed at HEAD."""
        if not self.repo.head.is_valid():
            raise MetaError(f"{self.repo.working_dir} has no commit yet", "commit the agent's files first")
        return self.at("HEAD")

    def at(self, revision: str) -> Version:
        """The version at any commit, branch or tag. Raises `MetaError` when it is not there or does not load."""
        commit = self._commit(revision)
        try:
            tree: Any = commit.tree / self.folder if self.folder not in ("", ".") else commit.tree
        except KeyError:
            raise MetaError(
                f"{revision} has no folder {self.folder}/ in {self.repo.working_dir}",
                "set worker.surface in meta.toml to the folder with agent.toml, prompts/ and tools/",
            ) from None
        with self._new_folder() as made:
            for blob in tree.traverse():
                if blob.type != "blob":
                    continue
                relative = os.path.relpath(blob.path, tree.path) if tree.path else blob.path
                if relative.split("/")[0] not in PARTS or blob.mode == 0o120000:
                    continue
                target = made / relative
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(blob.data_stream.read())
                if blob.mode & 0o111:
                    target.chmod(0o755)
            return Version(commit.hexsha, self._keep(made))

    def lay_out(self, parent: Version, changes: dict[str, str | None]) -> Surface:
        """The surface of `parent` with files changed (text) or removed (`None`), not committed.

        Raises `BadSurface` when the result does not load.
        """
        with self._new_folder() as made:
            shutil.copytree(parent.surface.root, made, dirs_exist_ok=True)
            for path, text in changes.items():
                target = made / path
                if text is None:
                    target.unlink(missing_ok=True)
                else:
                    target.parent.mkdir(parents=True, exist_ok=True)
                    target.write_text(text, "utf-8", newline="")
            return self._keep(made)

    def commit(self, parent: Version, changes: dict[str, str | None], message: str, ref: str) -> Version:
        """A commit on top of `parent`'s with these changes of the surface, kept under `ref`."""
        surface = self.lay_out(parent, changes)
        git = self.repo.git
        with tempfile.TemporaryDirectory(prefix="index-") as folder:
            env = {"GIT_INDEX_FILE": str(Path(folder) / "index")}  # the person's own index is not touched
            git.read_tree(parent.commit, env=env)
            for path, text in changes.items():
                place = f"{self.folder}/{path}" if self.folder not in ("", ".") else path
                if text is None:
                    git.update_index("--force-remove", place, env=env)
                    continue
                stored = Path(folder) / "blob"
                stored.write_text(text, "utf-8", newline="")
                blob = git.hash_object("-w", "--no-filters", str(stored))
                git.update_index("--add", "--cacheinfo", f"100644,{blob},{place}", env=env)
            tree = git.write_tree(env=env)
        commit = git.commit_tree(tree, "-p", parent.commit, "-m", message, env=self._identity())
        git.update_ref(ref, commit)
        return Version(str(commit), surface)

    def branch(self, name: str, commit: str) -> None:
        """Point branch `name` at `commit`; it is never one that somebody has checked out."""
        self.repo.git.update_ref(f"refs/heads/{name}", commit)

    def diff(self, before: str, after: str) -> str:
        """What changed on the surface between two commits."""
        return str(self.repo.git.diff(f"{before}..{after}", "--", self.folder or ".", no_ext_diff=True, no_color=True))

    def _commit(self, revision: str) -> Commit:
        from git import BadName

        try:
            return self.repo.commit(revision)
        except (BadName, ValueError, IndexError):
            raise MetaError(
                f"there is no commit {revision!r} in {self.repo.working_dir}", "see `git log` or `git branch`"
            ) from None

    def _identity(self) -> dict[str, str]:
        """The person's own identity where git knows one, else `meta`'s."""
        from git import GitCommandError

        try:
            self.repo.git.var("GIT_AUTHOR_IDENT")
        except GitCommandError:
            return IDENTITY
        return {}

    @contextlib.contextmanager
    def _new_folder(self) -> Iterator[Path]:
        self.cache.mkdir(parents=True, exist_ok=True)
        made = Path(tempfile.mkdtemp(dir=self.cache, prefix=".making-"))
        try:
            yield made
        finally:
            shutil.rmtree(made, ignore_errors=True)

    def _keep(self, made: Path) -> Surface:
        """Move a laid out surface to its place, which its own hash names."""
        home = self.cache / load(made).version
        if not home.exists():
            made.rename(home)
        return load(home)


def surface_text(surface: Surface, files: Iterable[Path]) -> dict[str, str]:
    """The surface's files as text, by path."""
    return {str(path): (surface.root / path).read_text("utf-8", "replace") for path in files}
