"""A GitHub App on the fake GitHub: its key, and the tokens that its installation is given."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.github.server import GitHubServer, Request


def app_key(folder: Path) -> Path:
    """A fresh private key of an App, as its file."""
    rsa = pytest.importorskip("cryptography.hazmat.primitives.asymmetric.rsa")
    from cryptography.hazmat.primitives import serialization as form

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    path = folder / "app.pem"
    path.write_bytes(key.private_bytes(form.Encoding.PEM, form.PrivateFormat.PKCS8, form.NoEncryption()))
    return path


def install(server: GitHubServer, ends: Callable[[int], str] = lambda number: "2099-01-01T00:00:00Z") -> list[str]:
    """Let installation 7 ask for tokens; `ends` says when each of them does. Returns those given so far."""
    given: list[str] = []

    def token(request: Request, match: re.Match[str]) -> tuple[int, Any]:
        if not request.headers.get("authorization", "").startswith("Bearer ey"):
            return 401, {"message": "A JSON web token could not be decoded"}
        given.append(f"ghs_number{len(given) + 1}")
        server.git_password = given[-1]
        return 201, {
            "token": given[-1],
            "expires_at": ends(len(given)),
            "permissions": {},
            "repository_selection": "all",
        }

    server.more["POST /app/installations/7/access_tokens"] = token
    return given
