"""Runs git on a repository that nobody vouches for.

The environment is clean; network, hooks and pager are off.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from feedback.problems import FeedbackError

_OPTIONS = (
    "--no-pager",
    "-c",
    "core.fsmonitor=false",
    "-c",
    "core.hooksPath=/dev/null",
    "-c",
    "protocol.allow=never",
    "-c",
    "core.quotePath=true",
    "-c",
    "core.commitGraph=true",
    "-c",
    "gc.auto=0",
)
_KEPT_VARIABLES = ("PATH", "HOME", "XDG_CONFIG_HOME", "TMPDIR")
"""Where programs are, and the user's own git settings, so that `safe.directory` counts."""


def _clean_environment() -> dict[str, str]:
    return {name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ} | {
        "LC_ALL": "C",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_NO_REPLACE_OBJECTS": "1",
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_ALLOW_PROTOCOL": "none",
    }


def read_git(path: Path, *args: str) -> str:
    """Run git in `path` and return its output.

    Raises `FeedbackError`, which says what to do, if git fails.
    """
    command = ["git", *_OPTIONS, "-C", str(path), *args]
    try:
        done = subprocess.run(command, capture_output=True, env=_clean_environment(), check=False)
    except FileNotFoundError:
        raise FeedbackError("git is not installed, or not on PATH. Install git and try again.") from None
    if done.returncode == 0:
        return done.stdout.decode(errors="replace")
    stderr = done.stderr.decode(errors="replace").strip()
    if "not a git repository" in stderr:
        raise FeedbackError(f"{path} is not a git repository. Give the path of a clone of the agent's repository.")
    if "dubious ownership" in stderr:
        raise FeedbackError(
            f"{path} belongs to another user, so git refuses to read it. Run as its owner, or trust it with"
            f" `git config --global --add safe.directory {path.resolve()}`."
        )
    raise FeedbackError(f"git {args[0]} failed in {path}: {stderr or f'exit code {done.returncode}'}")


@contextmanager
def stream_git(git_dir: Path, path: Path, args: tuple[str, ...], lines: Iterable[str]) -> Iterator[IO[bytes]]:
    """Run git on the bare repository `git_dir`; the value is its standard output.

    `lines` are its standard input.

    Leaving the block early ends the process. Raises `FeedbackError`, which names `path`, if git fails and all of its
    output was read.
    """
    environment = {**_clean_environment(), "GIT_DIR": str(git_dir), "GIT_CONFIG_GLOBAL": os.devnull}
    with tempfile.TemporaryFile() as stdin, tempfile.TemporaryFile() as stderr:
        # A file, not a pipe: git may answer before it has read all of its input, and nobody has to feed it meanwhile.
        stdin.writelines(f"{line}\n".encode() for line in lines)
        stdin.seek(0)
        with subprocess.Popen(
            ["git", *_OPTIONS, *args],
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=stderr,
            env=environment,
            bufsize=1 << 20,
        ) as process:
            assert process.stdout is not None
            try:
                yield process.stdout
            finally:
                unread = bool(process.stdout.read(1))
                if unread:
                    process.kill()
        stderr.seek(0)
        message = stderr.read(4000).decode(errors="replace").strip()
    if process.returncode != 0 and not unread:
        raise FeedbackError(
            f"git {args[0]} failed in {path}: {message or process.returncode}. Fetch again, or run `git fsck`."
        )


def split_at_nul(out: IO[bytes]) -> Iterator[str]:
    """Yield the fields of NUL-terminated output."""
    rest = b""
    while chunk := out.read(1 << 20):
        *whole, rest = (rest + chunk).split(b"\0")
        for field in whole:
            yield field.decode(errors="replace")
    if rest:
        yield rest.decode(errors="replace")
