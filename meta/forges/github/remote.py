"""Fetch from and push to a clone's remote.

The token goes to git in its environment: it is never on a command line or on disk. With a GitHub App, each command gets
a new one, since work may take longer than the hour for which such a token is valid.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from feedback.problems import FeedbackError
from meta.errors import MetaError
from meta.forges.github.address import connect_github, web_address_of
from meta.project import Report
from meta.settings import GitHubSettings
from safeguards.known_secrets import remember_secret
from safeguards.masking import mask_secrets
from worker_agent.git import GitError, GitKilled, run_git, run_git_as_user


@dataclass(frozen=True)
class OriginRemote:
    """The remote `origin` of a clone, and how to sign in there."""

    clone: Path
    github: GitHubSettings
    report: Report

    def fetch_branch(self, branch: str) -> str | None:
        """Fetch a branch and return its commit; `None` where origin has no such branch.

        Raises `MetaError`.
        """
        ref, copy = f"refs/heads/{branch}", f"refs/remotes/origin/{branch}"
        if not self._run("ls-remote", "--heads", "origin", ref).strip():
            return None
        self._run("fetch", "--quiet", "--no-tags", "origin", f"+{ref}:{copy}")
        return run_git("rev-parse", copy, cwd=self.clone).strip()

    def push_commit(self, commit: str, branch: str) -> None:
        """Make a branch of origin point at a commit.

        A branch that exists only moves forward. Raises `MetaError`.
        """
        self._run("push", "--quiet", "origin", f"{commit}:refs/heads/{branch}")

    def _run(self, *args: str) -> str:
        env = self._authorization()
        try:
            return run_git_as_user(*args, cwd=self.clone, env=env, reach_remote=True)
        except (GitError, GitKilled) as error:
            words = mask_secrets(" ".join(str(error).split()))[:400]
            raise MetaError(
                f"{self.clone}: {words}", "check the clone's remote `origin` and the token's rights"
            ) from None

    def _authorization(self) -> Mapping[str, str]:
        """The setting that carries the token, for a remote on the GitHub of the settings and no other."""
        web = web_address_of(self.github) + "/"
        try:
            address = run_git("config", "--get", "remote.origin.url", cwd=self.clone)
        except GitError:
            address = ""
        if not address.startswith(web):
            return {}  # a path, or ssh with its own keys
        try:
            with connect_github(self.github, self.report) as client:
                token = client.token()
        except FeedbackError as error:
            raise MetaError(f"cannot sign in at {web}: {error}", "see Access in docs/github.md") from None
        value = remember_secret(base64.b64encode(f"x-access-token:{token}".encode()).decode())
        return {
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": f"http.{web}.extraHeader",
            "GIT_CONFIG_VALUE_0": f"Authorization: Basic {value}",
        }
