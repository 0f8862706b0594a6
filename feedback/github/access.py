"""How to reach GitHub and as whom. Secrets are named by environment variable and read when used, never stored."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import Field

from feedback.outcome import FeedbackRecord
from feedback.problems import FeedbackError

if TYPE_CHECKING:
    from githubkit import AppInstallationAuthStrategy, TokenAuthStrategy, UnauthAuthStrategy


class GitHubAccess(FeedbackRecord):
    """A GitHub, and a token or a GitHub App's installation.

    `base_url` is the address of the REST API: `https://api.github.com`, or `https://HOST/api/v3` for GitHub
    Enterprise Server. With `app_id` the App's private key is read from `app_key_variable` (the key itself, or the
    name of its file); otherwise a token is read from `token_variable`.
    """

    base_url: str = Field("https://api.github.com", pattern=r"^https?://[^\s@]+$")
    token_variable: str = "GITHUB_TOKEN"
    app_id: str = ""
    installation_id: int = 0
    app_key_variable: str = "GITHUB_APP_PRIVATE_KEY"
    retries: int = Field(4, ge=0, description="after the network or the server failed")
    longest_wait_seconds: float = Field(3700.0, ge=0, description="for a rate limit to be over; longer ones are told")
    timeout_seconds: float = Field(60.0, gt=0)

    def auth(self) -> AppInstallationAuthStrategy | TokenAuthStrategy | UnauthAuthStrategy:
        """How requests are signed. Raises `FeedbackError` when nothing to sign with is there."""
        from githubkit import AppInstallationAuthStrategy, TokenAuthStrategy

        if not self.app_id:
            return TokenAuthStrategy(self.token())
        if not self.installation_id:
            raise FeedbackError("github.app_id is set, but not github.installation_id. Set both in meta.toml.")
        try:
            import jwt  # noqa: F401
        except ImportError:
            raise FeedbackError("A GitHub App needs one more package: pip install 'githubkit[auth-app]'.") from None
        return AppInstallationAuthStrategy(self.app_id, self._app_key(), self.installation_id)

    def token(self) -> str:
        """The token, from the environment. Raises `FeedbackError`."""
        token = os.environ.get(self.token_variable, "").strip()
        if not token:
            raise FeedbackError(
                f"No token for GitHub: set {self.token_variable} (read access to pull requests, issues and contents),"
                " or name another variable as github.token_variable in meta.toml."
            )
        return token

    def _app_key(self) -> str:
        key = os.environ.get(self.app_key_variable, "").strip()
        if not key:
            raise FeedbackError(f"No key for the GitHub App: set {self.app_key_variable} to the key or to its file.")
        if "PRIVATE KEY" in key:
            return key.replace("\\n", "\n")
        try:
            return Path(key).read_text("utf-8")
        except (OSError, UnicodeDecodeError):
            raise FeedbackError(f"{self.app_key_variable} names neither a private key nor a file with one.") from None
