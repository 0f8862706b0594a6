"""How to reach GitHub, and as whom.

Secrets are read from environment variables when they are used, and never stored.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import Field

from feedback.outcome import FeedbackRecord
from feedback.problems import FeedbackError
from safeguards.known_secrets import remember_secret

if TYPE_CHECKING:
    from githubkit import AppInstallationAuthStrategy, TokenAuthStrategy, UnauthAuthStrategy


class GitHubAccess(FeedbackRecord):
    """A GitHub server, and a token or a GitHub App's installation to sign in with.

    `base_url` is the address of the REST API: `https://api.github.com`, or `https://HOST/api/v3` for GitHub Enterprise
    Server. If `app_id` is set, the variable `app_key_variable` holds the App's private key or the name of its file;
    otherwise the variable `token_variable` holds a token.
    """

    base_url: str = Field("https://api.github.com", pattern=r"^https?://[^\s@]+$")
    token_variable: str = "GITHUB_TOKEN"
    app_id: str = ""
    installation_id: int = 0
    app_key_variable: str = "GITHUB_APP_PRIVATE_KEY"
    retries: int = Field(4, ge=0)
    """Retries after a network or server failure."""
    longest_wait_seconds: float = Field(3700.0, ge=0)
    """The longest wait for a rate limit to end; a longer one is an error."""
    timeout_seconds: float = Field(60.0, gt=0)

    def auth(self) -> AppInstallationAuthStrategy | TokenAuthStrategy | UnauthAuthStrategy:
        """Return how requests are authenticated.

        Raises `FeedbackError` if the token or key is missing.
        """
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
        """Return the token from the environment. Raises `FeedbackError` if there is none."""
        token = os.environ.get(self.token_variable, "").strip()
        if not token:
            raise FeedbackError(
                f"No token for GitHub: set {self.token_variable} (read access to pull requests, issues and contents),"
                " or name another variable as github.token_variable in meta.toml."
            )
        return remember_secret(token)

    def _app_key(self) -> str:
        key = os.environ.get(self.app_key_variable, "").strip()
        if not key:
            raise FeedbackError(f"No key for the GitHub App: set {self.app_key_variable} to the key or to its file.")
        if "PRIVATE KEY" in key:
            return remember_secret(key.replace("\\n", "\n"))
        try:
            return remember_secret(Path(key).read_text("utf-8"))
        except (OSError, UnicodeDecodeError):
            raise FeedbackError(
                f"{self.app_key_variable} holds neither a private key nor the name of a file with one."
            ) from None
