"""The one place that runs git, for this package and for `meta`.

`safeguards.git_hardening` says how. For `run_git` and `run_git_bytes` no configuration changes an answer: neither the
system's, nor the user's, nor the repository's. `run_git_as_user` reads them where the answer is the user's: what they
ignore, who they are, what they have checked out. Only `reach_remote` reaches the network, to fetch and to push.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from safeguards.git_hardening import (
    DIFF_COMMANDS,
    DIFF_OPTIONS,
    hardened_options,
    hardened_variables,
    user_options,
    user_variables,
)
from safeguards.git_view import ATTRIBUTE_READERS, view_repository
from worker_agent.machine_error import MachineError, is_machine_error

if TYPE_CHECKING:
    from git import Repo

META_IDENTITY = {
    "GIT_AUTHOR_NAME": "meta",
    "GIT_AUTHOR_EMAIL": "meta@localhost",
    "GIT_COMMITTER_NAME": "meta",
    "GIT_COMMITTER_EMAIL": "meta@localhost",
}
"""Who commits what no person wrote. `user_identity` has who commits what is made for a person."""

BINARY_DIFF = ("diff", "--binary", "--full-index", "--no-renames", "--no-color")
"""A diff from which `git apply` restores every file exactly, without any other object."""

MAX_WORDS = 4000
"""How many characters of git's words an error's message has."""

GIT_ATTEMPTS = 3
"""How often a command is started if each time it is killed."""

_BOUNDS = ("prlimit", f"--as={4 << 30}", f"--fsize={1 << 30}", "--cpu=120:180", "--core=0")
"""Put before git where it handles foreign files: bytes of memory, bytes of a file, seconds of a processor."""

_KILLS = (-signal.SIGKILL, -signal.SIGTERM, -signal.SIGINT, -signal.SIGHUP)
"""Exit codes of a git that was ended from outside; what it handles can make it end in other ways."""

_PROBE_BYTES = 1 << 20
_IDENTITY = re.compile(r"(?P<name>.*) <(?P<email>.*)> \d+ [-+]\d+\n?")


class GitError(Exception):
    """A git command failed; the message is the command and git's own `words`."""

    def __init__(self, message: str, words: str = "") -> None:
        super().__init__(message)
        self.words = words


class GitKilled(MachineError):
    """Git was killed or the machine had no room for it.

    This says nothing about what git was asked.
    """


def run_git(
    *args: str | Path,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    stdin: bytes | None = None,
    bounded: bool = False,
) -> str:
    """Run git and return its output as text.

    Bytes that are not UTF-8 survive as surrogates. `bounded` is for foreign files: a git that needs too much memory or
    time for them fails. Raises `GitError` with git's words if the command fails, and `GitKilled` if it was killed every
    time, failed after a kill, or found no room on the machine.
    """
    return run_git_bytes(*args, cwd=cwd, env=env, stdin=stdin, bounded=bounded).decode("utf-8", "surrogateescape")


def run_git_bytes(
    *args: str | Path,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    stdin: bytes | None = None,
    bounded: bool = False,
) -> bytes:
    """Run git as `run_git` does, and return its output as bytes."""
    program = (*_BOUNDS, "git") if bounded else ("git",)
    variables = {**hardened_variables(), **(env or {})}
    if args[0] in ATTRIBUTE_READERS and "GIT_DIR" not in variables:
        with view_repository(cwd or Path()) as view:
            return _run([*program, *hardened_options()], args, cwd, {**view, **variables}, stdin)
    return _run([*program, *hardened_options()], args, cwd, variables, stdin)


def run_git_as_user(
    *args: str | Path, cwd: Path, env: Mapping[str, str] | None = None, reach_remote: bool = False
) -> str:
    """Run git with the user's own configuration, otherwise as `run_git` does.

    `reach_remote` lets it use the network. No credential helper is asked: `env` carries what signs in over HTTP.
    """
    variables = {**user_variables(), **(env or {})}
    return _run(["git", *user_options(reach_remote)], args, cwd, variables).decode("utf-8", "surrogateescape")


def open_repository(path: Path) -> Repo:
    """Open a repository with GitPython, under the same hardening as `run_git`.

    Raises `GitError` if there is none.
    """
    from git import InvalidGitRepositoryError, NoSuchPathError, Repo

    try:
        repository = Repo(path)
    except (InvalidGitRepositoryError, NoSuchPathError):
        raise GitError(f"{path} is not a git repository", "not a git repository") from None
    settings = [option.partition("=")[::2] for option in hardened_options()[1::2]]
    given = {"GIT_CONFIG_COUNT": str(len(settings)), "GIT_DIR": str(repository.git_dir)}
    for number, (name, value) in enumerate(settings):
        given |= {f"GIT_CONFIG_KEY_{number}": name, f"GIT_CONFIG_VALUE_{number}": value}
    repository.git.update_environment(**hardened_variables(), **given)
    return repository


def read_blobs(repository: Path, names: Sequence[str]) -> list[bytes | None]:
    """Return the blobs of these names, or `None` for each that does not exist.

    A name is an id, or `commit:path`.
    """
    output = run_git_bytes("cat-file", "--batch", cwd=repository, stdin="".join(f"{n}\n" for n in names).encode())
    blobs: list[bytes | None] = []
    start = 0
    for _ in names:
        end = output.index(b"\n", start)
        head, start = output[start:end], end + 1
        if head.endswith(b" missing"):
            blobs.append(None)
            continue
        size = int(head.split()[2])
        blobs.append(output[start : start + size])
        start += size + 1
    return blobs


def user_identity(repository: Path) -> dict[str, str]:
    """Return the variables that make a commit the user's.

    They are `meta`'s if git does not know the user.
    """
    known = {name: os.environ[name] for name in (*META_IDENTITY, "EMAIL") if name in os.environ}
    identity: dict[str, str] = {}
    for role in ("AUTHOR", "COMMITTER"):
        try:
            found = _IDENTITY.fullmatch(run_git_as_user("var", f"GIT_{role}_IDENT", cwd=repository, env=known))
        except GitError:
            return META_IDENTITY
        if found:
            identity |= {f"GIT_{role}_NAME": found["name"], f"GIT_{role}_EMAIL": found["email"]}
    return META_IDENTITY | identity


def _run(
    git: Sequence[str],
    args: Sequence[str | Path],
    cwd: Path | None,
    env: Mapping[str, str],
    stdin: bytes | None = None,
) -> bytes:
    name, *rest = map(str, args)
    command = [*git, name, *(DIFF_OPTIONS if name in DIFF_COMMANDS else ()), *rest]
    for kills in range(GIT_ATTEMPTS):
        done = subprocess.run(command, cwd=cwd, env=env, input=stdin, capture_output=True, check=False)
        was_killed = kills > 0 or done.returncode in _KILLS
        if done.returncode not in _KILLS:
            break
    if done.returncode:
        words = done.stderr.decode("utf-8", "replace").strip() or f"exit code {done.returncode}"
        message = f"git {' '.join(map(str, args))[:200]}: {words[:MAX_WORDS]}"
        # What a killed git leaves behind, such as a lock, may make the next one fail.
        raise GitKilled(message) if was_killed or not _has_room(cwd, env) else GitError(message, words)
    return done.stdout


def _has_room(cwd: Path | None, env: Mapping[str, str]) -> bool:
    """Whether the folders that git writes to can take a file.

    Git's words do not tell: they name files, and a file can have any name.
    """
    folders = [cwd or Path(), *(Path(env[name]) for name in ("GIT_DIR", "GIT_OBJECT_DIRECTORY") if name in env)]
    for folder in folders:
        try:
            opened = os.open(folder, os.O_TMPFILE | os.O_WRONLY | os.O_CLOEXEC, 0o600)
            try:
                os.posix_fallocate(opened, 0, _PROBE_BYTES)
            finally:
                os.close(opened)
        except OSError as error:
            if is_machine_error(error):
                return False
    return True
