"""Git as a subprocess, with nothing of the person's or the repository's configuration able to run code."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

META_IDENTITY = {
    "GIT_AUTHOR_NAME": "meta",
    "GIT_AUTHOR_EMAIL": "meta@localhost",
    "GIT_COMMITTER_NAME": "meta",
    "GIT_COMMITTER_EMAIL": "meta@localhost",
}
"""Who commits what no person wrote. A person's own identity is used where a branch is made for a person."""

_SAFE_OPTIONS = (
    "-c",
    "core.fsmonitor=false",
    "-c",
    "core.hooksPath=/dev/null",
    "-c",
    "protocol.allow=never",
    "-c",
    "protocol.file.allow=always",
    "-c",
    "core.pager=cat",
    "-c",
    "commit.gpgSign=false",
    "-c",
    "gc.auto=0",
    "-c",
    "advice.detachedHead=false",
)


_MACHINE_ERRORS = ("No space left on device", "Disk quota exceeded", "Cannot allocate memory", "Input/output error")


class GitError(Exception):
    """A git command failed; the message is git's own, with the command that it answered."""


class GitKilled(OSError):
    """Git was killed, or the machine had no room for it: that says nothing about what it was asked."""


def run_git(
    *args: str | Path,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    stdin: bytes | None = None,
) -> str:
    """Run git and return its standard output as text (undecodable bytes survive as surrogates).

    Raises `GitError` with git's words when the command exits non-zero, `GitKilled` when it was killed and the second
    try came to nothing as well, or when the disk is full.
    """
    return run_git_bytes(*args, cwd=cwd, env=env, stdin=stdin).decode("utf-8", "surrogateescape")


def run_git_bytes(
    *args: str | Path,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    stdin: bytes | None = None,
) -> bytes:
    """As `git`, with the output as bytes."""
    clean = {
        "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
        "HOME": os.environ.get("HOME", "/"),
        "LC_ALL": "C.UTF-8",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_OPTIONAL_LOCKS": "0",
        **(env or {}),
    }
    command = ["git", *_SAFE_OPTIONS, *map(str, args)]
    done = subprocess.run(command, cwd=cwd, env=clean, input=stdin, capture_output=True, check=False)
    killed = done.returncode < 0
    if killed:
        done = subprocess.run(command, cwd=cwd, env=clean, input=stdin, capture_output=True, check=False)
    if done.returncode:
        words = done.stderr.decode("utf-8", "replace").strip() or f"exit code {done.returncode}"
        said = f"git {' '.join(map(str, args))[:200]}: {words}"
        # What a killed git leaves behind, such as a lock, may make the second one fail for no reason of its own.
        raise (GitKilled if killed or any(trouble in words for trouble in _MACHINE_ERRORS) else GitError)(said)
    return done.stdout
