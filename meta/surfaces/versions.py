"""The agent's versions: states of its surface, each read from a commit."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Protocol

from meta.errors import MetaError
from meta.surfaces.commits import find_commit, merge_files, read_folder, write_commit
from worker_agent.branch import has_branch
from worker_agent.git import GitError, run_git, run_git_as_user
from worker_agent.surface import (
    BadSurface,
    Surface,
    check_surface_paths,
    list_surface_files,
    load_surface,
)

SURFACE_PARTS = ("agent.toml", "prompts", "tools")


@dataclass(frozen=True)
class Version:
    """One state of the surface: its commit and its files."""

    commit: str
    surface: Surface

    @property
    def id(self) -> str:
        return self.surface.version


Changes = dict[str, str | None]
"""Changed files of the surface: each path with its new text, or `None` to remove it."""


class VersionHistory(Protocol):
    """Keeps versions: `GitVersions` in git, a simulation in memory."""

    def head(self) -> Version:
        """Return the version in use."""
        ...

    def at(self, revision: str) -> Version:
        """Return the version at a commit, its first parent (`REVISION^`) or a branch."""
        ...

    def lay_out(self, parent: Version, changes: Changes) -> Surface:
        """Return the surface of `parent` with these changes, not committed.

        Raises `BadSurface` if it does not load.
        """
        ...

    def commit(self, parent: Version, changes: Changes, message: str, ref: str = "") -> Version:
        """Commit these changes on top of `parent`'s commit."""
        ...

    def carry_over(self, before: str, after: str, onto: Version) -> Changes | None:
        """Return what changed between two commits, merged into `onto`.

        `None` if they conflict.
        """
        ...

    def branch(self, name: str, commit: str) -> None:
        """Point a branch at a commit."""
        ...


class GitVersions:
    """The versions in the agent's git repository.

    `folder` is the surface's folder there; versions are laid out below `cache`.
    """

    def __init__(self, repository: Path, folder: str, cache: Path) -> None:
        self._root, self.cache = repository.absolute(), cache / "versions"
        self.folder = folder.strip("/").removeprefix("./")

    @cached_property
    def repository(self) -> Path:
        """The agent's repository.

        Raises `MetaError` if the folder is not the root of a git repository.
        """
        if not _is_root(self._root):
            raise MetaError(
                f"{self._root} is not a git repository, so the agent has no versions",
                "set worker.repository in meta.toml to the repository that holds the agent, or run `git init` there",
            )
        return self._root

    def head(self) -> Version:
        """Return the version in use: the surface as committed at HEAD."""
        commit = find_commit(self.repository, "HEAD")
        if not commit:
            raise MetaError(f"{self.repository} has no commit yet", "commit the agent's files first")
        return self._read("HEAD", commit)

    def at(self, revision: str) -> Version:
        """Return the version at any commit, branch or tag.

        Raises `MetaError` if the commit does not exist or has no surface, `BadSurface` if its surface does not load.
        """
        commit = find_commit(self.repository, revision)
        if not commit:
            raise MetaError(f"{self.repository} has no commit {revision!r}", "see `git log` or `git branch`")
        return self._read(revision, commit)

    def lay_out(self, parent: Version, changes: Changes) -> Surface:
        """Return the surface of `parent` with these changes, not committed.

        Raises `BadSurface` if the result does not load.
        """
        check_surface_paths(changes)
        if outside := [path for path in changes if path.split("/")[0] not in SURFACE_PARTS]:
            raise BadSurface(f"{outside[0]} is not on the surface: {', '.join(SURFACE_PARTS)}")
        with self._new_folder() as folder:
            shutil.copytree(parent.surface.root, folder, dirs_exist_ok=True)
            for path, text in changes.items():
                try:
                    _write_change(folder / path, text)
                except (FileExistsError, IsADirectoryError, NotADirectoryError):
                    raise BadSurface(f"{path}: a file and a folder cannot have one name") from None
                except UnicodeEncodeError:
                    raise BadSurface(f"{path}: it has characters that UTF-8 cannot hold") from None
            return self._keep(folder)

    def commit(
        self, parent: Version, changes: Changes, message: str, ref: str = "", second_parent: str = ""
    ) -> Version:
        """Commit these changes on top of `parent`'s commit, kept under `ref`."""
        surface = self.lay_out(parent, changes)
        files = {self._place(path): text for path, text in changes.items()}
        commit = write_commit(self.repository, parent.commit, files, message, second_parent)
        if ref:
            run_git("update-ref", ref, commit, cwd=self.repository)
        return Version(commit, surface)

    def advance(self, commit: str) -> None:
        """Fast-forward the checked-out branch to `commit`.

        Raises `MetaError` if the user's uncommitted changes are in the way; then nothing has changed.
        """
        try:
            branch = run_git("symbolic-ref", "--quiet", "HEAD", cwd=self.repository).strip()
        except GitError:
            raise MetaError(
                f"{self.repository}: no branch is checked out", "check out the branch that the agent uses"
            ) from None
        try:
            if run_git("rev-parse", "--is-bare-repository", cwd=self.repository).strip() == "true":
                run_git("update-ref", branch, commit, cwd=self.repository)
            else:
                run_git_as_user("merge", "--ff-only", "--quiet", commit, cwd=self.repository)
        except GitError as error:
            raise MetaError(
                f"{self.repository}: your own changes are in the way: {' '.join(error.words.split())[:400]}",
                "commit or stash them and try again; nothing has changed",
            ) from None

    def carry_over(self, before: str, after: str, onto: Version) -> Changes | None:
        """Return what changed between two commits, merged into a version.

        `None` if they conflict. If both sides changed the same lines of a prompt, both versions of the lines are kept;
        in settings and tools, that is a conflict.
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
            both = merge_files(ours / path, base / path, theirs / path, keep_both=path.suffix == ".md")
            if both is None:
                return None
            merged[str(path)] = both
        return merged

    def branch(self, name: str, commit: str) -> None:
        """Point a branch at a commit; the branch must not be checked out."""
        run_git("update-ref", f"refs/heads/{name}", commit, cwd=self.repository)

    def has_branch(self, name: str) -> bool:
        """Whether a local branch has this name."""
        return has_branch(self.repository, name)

    def diff(self, before: str, after: str) -> str:
        """Return the diff of the surface between two commits."""
        place = self.folder or "."
        return run_git("diff", "--no-color", f"{before}..{after}", "--", place, cwd=self.repository).removesuffix("\n")

    def _read(self, revision: str, commit: str) -> Version:
        place = "" if self.folder == "." else self.folder
        try:
            files = read_folder(self.repository, commit, place, SURFACE_PARTS)
        except GitError:
            raise MetaError(
                f"{revision} has no folder {self.folder}/ in {self.repository}",
                "set worker.surface in meta.toml to the folder with agent.toml, prompts/ and tools/",
            ) from None
        with self._new_folder() as folder:
            try:
                check_surface_paths(file.path for file in files)
                for file in files:
                    target = folder / file.path
                    target.parent.mkdir(parents=True, exist_ok=True)
                    target.write_bytes(file.content)
                    if file.is_executable:
                        target.chmod(0o755)
                return Version(commit, self._keep(folder))
            except BadSurface as error:
                raise BadSurface(f"{self._place(str(error))} (at {revision}, commit {commit[:10]})") from None

    def _place(self, path: str) -> str:
        return path if self.folder in ("", ".") else f"{self.folder}/{path}"

    @contextlib.contextmanager
    def _new_folder(self) -> Iterator[Path]:
        self.cache.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(dir=self.cache, prefix=".making-"))
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _keep(self, folder: Path) -> Surface:
        """Move a surface to its permanent folder, which is named by its hash."""
        home = self.cache / load_surface(folder).version
        if not home.exists():
            try:
                folder.rename(home)
            except OSError:  # another process was faster, with the same surface
                if not home.exists():
                    raise
        return load_surface(home)


def _is_root(repository: Path) -> bool:
    """Whether the folder is the root of a git repository.

    Raises `GitError` if git cannot tell.
    """
    if not repository.is_dir():
        return False
    try:
        return not run_git("rev-parse", "--show-cdup", cwd=repository).strip()
    except GitError as error:
        if "not a git repository" in error.words:
            return False
        raise


def _text(path: Path) -> str | None:
    return path.read_bytes().decode("utf-8", "surrogateescape") if path.is_file() else None


def _write_change(target: Path, text: str | None) -> None:
    if text is None:
        target.unlink(missing_ok=True)
        return
    data = text.encode("utf-8", "surrogateescape")
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(data)


def read_surface_text(surface: Surface, files: Iterable[Path]) -> dict[str, str]:
    """Return those of the surface's files that are UTF-8, as text with its own line ends, by path.

    An edit of another file would change bytes that nobody meant.
    """
    found: dict[str, str] = {}
    for path in files:
        with contextlib.suppress(UnicodeDecodeError):
            found[str(path)] = (surface.root / path).read_bytes().decode()
    return found
