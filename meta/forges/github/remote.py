"""Fetching from and pushing to a remote, with the token in git's environment: never on a command line or on disk.

With a GitHub App it is a token of the App's installation, asked for at each command: work may take longer than the hour
that such a token lives.
"""

from __future__ import annotations

import base64
import os
import subprocess
from pathlib import Path

from feedback.problems import FeedbackError
from meta.app import Context
from meta.errors import MetaError

_SAFE = ("-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false", "-c", "credential.helper=", "-c", "gc.auto=0")
_REMOTE = ("ls-remote", "fetch", "push")
_KEPT = ("PATH", "HOME", "SSH_AUTH_SOCK", "XDG_CONFIG_HOME", "TMPDIR")


def fetch_branch(context: Context, clone: Path, branch: str) -> str | None:
    """The commit of a branch of `origin`, fetched; None where origin has no such branch."""
    if not _git(context, clone, "ls-remote", "--heads", "origin", f"refs/heads/{branch}").strip():
        return None
    _git(
        context, clone, "fetch", "--quiet", "--no-tags", "origin", f"+refs/heads/{branch}:refs/remotes/origin/{branch}"
    )
    return _git(context, clone, "rev-parse", f"refs/remotes/origin/{branch}").strip()


def push_commit(context: Context, clone: Path, commit: str, branch: str) -> None:
    """Make `branch` on `origin` point at a commit. A branch that is there already is only moved forward."""
    _git(context, clone, "push", "--quiet", "origin", f"{commit}:refs/heads/{branch}")


def _git(context: Context, clone: Path, *args: str) -> str:
    environment = {name: os.environ[name] for name in _KEPT if name in os.environ}
    environment |= {"LC_ALL": "C.UTF-8", "GIT_TERMINAL_PROMPT": "0"}
    if args[0] in _REMOTE:
        environment |= _signed(context, clone)
    done = subprocess.run(["git", *_SAFE, *args], cwd=clone, env=environment, capture_output=True, check=False)
    if done.returncode:
        said = " ".join(done.stderr.decode("utf-8", "replace").split())[:400]
        raise MetaError(f"git {args[0]} in {clone}: {said}", "check the clone's remote `origin` and the token's rights")
    return done.stdout.decode("utf-8", "replace")


def _signed(context: Context, clone: Path) -> dict[str, str]:
    """Settings that carry the token, for a remote on the GitHub of the settings and no other. Raises `MetaError`."""
    from meta.forges.github.address import connect_github, web_address_of

    web = web_address_of(context) + "/"
    told = subprocess.run(
        ["git", "config", "--get", "remote.origin.url"], cwd=clone, capture_output=True, text=True, check=False
    )
    if not told.stdout.strip().startswith(web):
        return {}  # a path, or ssh with keys of its own
    try:
        with connect_github(context) as client:
            token = client.token()
    except FeedbackError as error:
        raise MetaError(f"git has nothing to sign in with at {web}: {error}", "docs/github.md, Access") from None
    value = base64.b64encode(f"x-access-token:{token}".encode()).decode()
    return {
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": f"http.{web}.extraHeader",
        "GIT_CONFIG_VALUE_0": f"Authorization: Basic {value}",
    }
