"""Runs git on a repository that nobody vouches for.

`safeguards.git_hardening` says how: as everywhere else in this project.
"""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from feedback.problems import FeedbackError
from safeguards.git_hardening import hardened_options, hardened_variables


def read_git(path: Path, *args: str) -> str:
    """Run git in `path` and return its output.

    Raises `FeedbackError`, which says what to do, if git fails.
    """
    command = ["git", *hardened_options(), "-C", str(path), *args]
    try:
        done = subprocess.run(command, capture_output=True, env=hardened_variables(), check=False)
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
    environment = {**hardened_variables(), "GIT_DIR": str(git_dir)}
    with tempfile.TemporaryFile() as stdin, tempfile.TemporaryFile() as stderr:
        # A file, not a pipe: git may answer before it has read all of its input, and nobody has to feed it meanwhile.
        stdin.writelines(f"{line}\n".encode() for line in lines)
        stdin.seek(0)
        with subprocess.Popen(
            ["git", *hardened_options(), *args],
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
