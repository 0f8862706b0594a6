"""Fetching from and pushing to a remote, with the token in git's environment: never on a command line or on disk.

With a GitHub App it is a token of the App's installation, asked for at each command: work may take longer than the hour
that such a token lives.
"""

from __future__ import annotations

import base64
from pathlib import Path

from feedback.problems import FeedbackError
from meta.app import Context
from meta.errors import MetaError
from worker_agent.git import GitError, GitKilled, run_git, run_git_as_user

_REMOTE = ("ls-remote", "fetch", "push")


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
    reach_remote = args[0] in _REMOTE
    env = _signed(context, clone) if reach_remote else {}
    try:
        return run_git_as_user(*args, cwd=clone, env=env, reach_remote=reach_remote)
    except (GitError, GitKilled) as error:
        words = " ".join(str(error).split())[:400]
        raise MetaError(f"{clone}: {words}", "check the clone's remote `origin` and the token's rights") from None


def _signed(context: Context, clone: Path) -> dict[str, str]:
    """Settings that carry the token, for a remote on the GitHub of the settings and no other. Raises `MetaError`."""
    from meta.forges.github.address import connect_github, web_address_of

    web = web_address_of(context) + "/"
    try:
        address = run_git("config", "--get", "remote.origin.url", cwd=clone)
    except GitError:
        address = ""
    if not address.startswith(web):
        return {}  # a path, or ssh with its own keys
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
