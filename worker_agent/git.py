"""The one place that runs git, for this package and for `meta`.

Whatever any configuration says, no command runs hooks, a file system monitor, a pager, a signing program, an external
diff or a text conversion; none asks for a password or reaches the network. `run_git` reads the repository's own
configuration only, so that no setting of the user's changes an answer. `run_git_as_user` reads the user's too, where
the answer is theirs: what they ignore, who they are, what they have checked out, how they reach a remote.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

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

_HARDENING = {
    "core.hooksPath": os.devnull,
    "core.fsmonitor": "false",
    "core.pager": "cat",
    "core.askPass": "",
    "core.protectHFS": "true",  # no spelling of .git is ever written, whatever the file system
    "core.protectNTFS": "true",
    "credential.helper": "",
    "commit.gpgSign": "false",
    "log.showSignature": "false",
    "gc.auto": "0",
    "advice.detachedHead": "false",
}
_NO_NETWORK = {"protocol.allow": "never", "protocol.file.allow": "always"}
_NO_USER_FILES = {"core.excludesFile": os.devnull, "core.attributesFile": os.devnull}
_NO_USER_SETTINGS = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", "GIT_ATTR_NOSYSTEM": "1"}

_KEPT_VARIABLES = ("XDG_CONFIG_HOME", "TMPDIR")
_USER_VARIABLES = ("SSH_AUTH_SOCK", "GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM", "GIT_CONFIG_NOSYSTEM")

_DIFF_COMMANDS = ("diff", "diff-index", "diff-tree", "log", "show")
_NO_DIFF_PROGRAMS = ("--no-ext-diff", "--no-textconv")

_BOUNDS = ("prlimit", f"--as={4 << 30}", f"--fsize={1 << 30}", "--cpu=120", "--core=0")
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
    options = [*_options(_HARDENING, _NO_NETWORK, _NO_USER_FILES), *_trusted_folders()]
    program = (*_BOUNDS, "git") if bounded else ("git",)
    return _run([*program, *options], args, cwd, {**_NO_USER_SETTINGS, **(env or {})}, stdin)


def run_git_as_user(
    *args: str | Path, cwd: Path, env: Mapping[str, str] | None = None, reach_remote: bool = False
) -> str:
    """Run git with the user's own configuration, otherwise as `run_git` does.

    `reach_remote` lets it use the network. No credential helper is asked: `env` carries what signs in over HTTP.
    """
    options = _options(_HARDENING, {} if reach_remote else _NO_NETWORK)
    return _run(["git", *options], args, cwd, {**_user_variables(), **(env or {})}).decode("utf-8", "surrogateescape")


def open_repository(path: Path) -> Repo:
    """Open a repository with GitPython, under the same hardening as `run_git`.

    Raises `GitError` if there is none.
    """
    from git import InvalidGitRepositoryError, NoSuchPathError, Repo

    try:
        repository = Repo(path)
    except (InvalidGitRepositoryError, NoSuchPathError):
        raise GitError(f"{path} is not a git repository", "not a git repository") from None
    trusted = [("safe.directory", option.partition("=")[2]) for option in _trusted_folders()[1::2]]
    settings = [*_HARDENING.items(), *_NO_NETWORK.items(), *_NO_USER_FILES.items(), *trusted]
    given = {"GIT_CONFIG_COUNT": str(len(settings)), "GIT_DIR": str(repository.git_dir)}
    for number, (name, value) in enumerate(settings):
        given |= {f"GIT_CONFIG_KEY_{number}": name, f"GIT_CONFIG_VALUE_{number}": value}
    repository.git.update_environment(**_clean_environment(), **_NO_USER_SETTINGS, **given)
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
    command = [*git, name, *(_NO_DIFF_PROGRAMS if name in _DIFF_COMMANDS else ()), *rest]
    variables = {**_clean_environment(), **env}
    for kills in range(GIT_ATTEMPTS):
        done = subprocess.run(command, cwd=cwd, env=variables, input=stdin, capture_output=True, check=False)
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


def _clean_environment() -> dict[str, str]:
    return {name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ} | {
        "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
        "HOME": os.environ.get("HOME", "/"),
        "LC_ALL": "C.UTF-8",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_OPTIONAL_LOCKS": "0",
    }


def _user_variables() -> dict[str, str]:
    return {name: os.environ[name] for name in _USER_VARIABLES if name in os.environ}


def _options(*settings: Mapping[str, str]) -> list[str]:
    return [part for group in settings for name, value in group.items() for part in ("-c", f"{name}={value}")]


@lru_cache(maxsize=1)
def _trusted_folders() -> tuple[str, ...]:
    """Return the options that name other users' repositories which this user trusts.

    Git takes `safe.directory` from the user's configuration or the command line, never from the repository's.
    """
    listed = _run(("git",), ("config", "--null", "--list"), Path("/"), _user_variables()).decode(
        "utf-8", "surrogateescape"
    )
    settings = (entry.partition("\n") for entry in listed.split("\0"))
    return tuple(_options(*({"safe.directory": value} for name, _, value in settings if name == "safe.directory")))
