"""Worker versions and proposals in git: read from commits, written as commits, never through a working tree."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from meta.errors import MetaError
from worker_agent.git import META_IDENTITY
from worker_agent.surface import Surface, list_surface_files, load_surface

if TYPE_CHECKING:
    from git import Commit, Repo

SURFACE_PARTS = ("agent.toml", "prompts", "tools")

GIT_ATTEMPTS = 3
"""How often git is asked: one that was killed in the middle answers anything, and a new one the truth."""

T = TypeVar("T")


@dataclass(frozen=True)
class Version:
    """One state of the surface: the commit it was read from, and its files on disk."""

    commit: str
    surface: Surface

    @property
    def id(self) -> str:
        return self.surface.version


Changes = dict[str, str | None]
"""Files of the surface by path: the new text of each, or `None` where it is removed."""


class VersionHistory(Protocol):
    """The agent's versions: kept in git by `GitVersions`, in memory by a simulation."""

    def head(self) -> Version:
        """The version in use."""
        ...

    def at(self, revision: str) -> Version:
        """The version at a commit, its first parent (`REVISION^`) or a branch."""
        ...

    def lay_out(self, parent: Version, changes: Changes) -> Surface:
        """The surface of `parent` with these changes, not committed. Raises `BadSurface`."""
        ...

    def commit(self, parent: Version, changes: Changes, message: str, ref: str = "") -> Version:
        """A commit on top of `parent`'s."""
        ...

    def carried_over(self, before: str, after: str, onto: Version) -> Changes | None:
        """What changed between two commits, merged into `onto`; `None` where they conflict."""
        ...

    def branch(self, name: str, commit: str) -> None:
        """Point the branch at the commit."""
        ...


class GitVersions:
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
        return self._asked(self._head)

    def at(self, revision: str) -> Version:
        """The version at any commit, branch or tag. Raises `MetaError` when it is not there or does not load."""
        return self._asked(lambda: self._at(revision))

    def _head(self) -> Version:
        if not self.repo.head.is_valid():
            raise MetaError(f"{self.repo.working_dir} has no commit yet", "commit the agent's files first")
        return self._at("HEAD")

    def _at(self, revision: str) -> Version:
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
                if relative.split("/")[0] not in SURFACE_PARTS or blob.mode == 0o120000:
                    continue
                target = made / relative
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(blob.data_stream.read())
                if blob.mode & 0o111:
                    target.chmod(0o755)
            return Version(commit.hexsha, self._keep(made))

    def lay_out(self, parent: Version, changes: Changes) -> Surface:
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

    def commit(self, parent: Version, changes: Changes, message: str, ref: str = "", also: str = "") -> Version:
        """A commit on top of `parent`'s with these changes of the surface, kept under `ref`; `also` is a second parent.

        Made from objects alone: neither the person's index nor any working tree is touched.
        """
        surface = self.lay_out(parent, changes)
        commit = self._asked(lambda: self._committed(parent, changes, message, also))
        if ref:
            self._asked(lambda: self.repo.git.update_ref(ref, commit))
        return Version(commit, surface)

    def _committed(self, parent: Version, changes: Changes, message: str, also: str) -> str:
        git = self.repo.git
        with tempfile.TemporaryDirectory(prefix="index-") as folder:
            env = {"GIT_INDEX_FILE": str(Path(folder) / "index")}
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
        parents = ["-p", parent.commit, *(["-p", also] if also else [])]
        return str(git.commit_tree(tree, *parents, "-m", message, env=self._identity()))

    def advance(self, commit: str) -> None:
        """Move the branch that is checked out forward to `commit`, all or nothing.

        Raises `MetaError` when changes of the person's own stand in the way; then nothing has moved.
        """
        from git import GitCommandError

        if self.repo.head.is_detached:
            raise MetaError(f"{self.repo.git_dir}: no branch is checked out", "check out the branch that is in use")
        try:
            if self.repo.bare:
                self.repo.git.update_ref(self.repo.head.reference.path, commit)
            else:
                self.repo.git.merge("--ff-only", "--quiet", commit)
        except GitCommandError as error:
            words = " ".join(str(error.stderr).replace("stderr:", "").split())[:400]
            raise MetaError(
                f"{self.repo.working_dir} has changes of your own in the way: {words}",
                "commit or stash them and try again; nothing was changed",
            ) from None

    def carried_over(self, before: str, after: str, onto: Version) -> Changes | None:
        """What changed on the surface between two commits, merged into a version: texts by path; `None` on conflict.

        Prompts that both sides changed in one place keep both sides' lines; settings and tools do not merge that way.
        """
        base, theirs = self.at(before).surface.root, self.at(after).surface.root
        ours = onto.surface.root
        merged: Changes = {}
        for path in sorted({*list_surface_files(base), *list_surface_files(theirs)}):
            old, new, now = (_text(root / path) for root in (base, theirs, ours))
            if old == new:
                continue
            if now == old or old is None or new is None or now is None:
                if now not in (old, new):
                    return None
                merged[str(path)] = new
                continue
            arguments = ["-p", "--quiet", *(["--union"] if path.suffix == ".md" else [])]
            sides = [root / path for root in (ours, base, theirs)]
            both = self._asked(partial(_merged, arguments, sides))
            if both is None:
                return None
            merged[str(path)] = both
        return merged

    def branch(self, name: str, commit: str) -> None:
        """Point branch `name` at `commit`; it is never one that somebody has checked out."""
        self._asked(lambda: self.repo.git.update_ref(f"refs/heads/{name}", commit))

    def has_branch(self, name: str) -> bool:
        return name in self.repo.heads

    def diff(self, before: str, after: str) -> str:
        """What changed on the surface between two commits."""
        options = {"no_ext_diff": True, "no_color": True}
        return str(self._asked(lambda: self.repo.git.diff(f"{before}..{after}", "--", self.folder or ".", **options)))

    def _asked(self, work: Callable[[], T]) -> T:
        """What git says, asked again where it fails: it may have been killed, and the answer then says something else.

        Only for what may be done twice.
        """
        for _ in range(GIT_ATTEMPTS - 1):
            try:
                return work()
            except Exception:  # a killed git surfaces as a missing commit, a broken pipe, a short read, ...
                self.repo.git.clear_cache()
        return work()

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
            return META_IDENTITY
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
        home = self.cache / load_surface(made).version
        if not home.exists():
            made.rename(home)
        return load_surface(home)


def _merged(arguments: list[str], sides: list[Path]) -> str | None:
    """Both sides' lines; `None` where they conflict. Raises `OSError` when git was killed."""
    done = subprocess.run(["git", "merge-file", *arguments, *sides], capture_output=True, check=False)
    if done.returncode < 0:
        raise OSError(f"git merge-file was killed by signal {-done.returncode}")
    return None if done.returncode else done.stdout.decode("utf-8", "replace")


def _text(path: Path) -> str | None:
    return path.read_text("utf-8", "replace") if path.is_file() else None


def read_surface_text(surface: Surface, files: Iterable[Path]) -> dict[str, str]:
    """The surface's files as text, by path."""
    return {str(path): (surface.root / path).read_text("utf-8", "replace") for path in files}
