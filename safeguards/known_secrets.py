"""The secrets that are in use: those of the environment, and those that somebody has read from elsewhere.

Whoever reads a secret, wherever from, calls `remember_secret`; from then on its value is masked.
"""

from __future__ import annotations

import base64
import json
import os
import re
from collections.abc import Iterator
from functools import lru_cache
from urllib.parse import quote, unquote

from safeguards.assigned_secrets import find_user_info, looks_random

_SHORTEST = 6
_PLACEHOLDER = re.compile(r"[a-z]{1,11}")
"""What people give to servers that want no key, such as "none" or "ollama"; it is in too many texts."""
_NAME = re.compile(r"KEY|TOKEN|SECRET|PASSW|PWD|CREDENTIAL|WEBHOOK|AUTH|COOKIE|_PAT$|_DSN$", re.IGNORECASE)
_NO_SECRETS = frozenset({"PWD", "OLDPWD"})

_remembered: set[str] = set()


def remember_secret(value: str) -> str:
    """Mask this value from now on, in every form in which a service may echo it. Returns the value."""
    if len(value.strip()) >= _SHORTEST and not _PLACEHOLDER.fullmatch(value.strip()):
        _remembered.add(value.strip())
    return value


def remember_address(address: str) -> str:
    """Mask the password in an address from now on. Returns the address."""
    for password in _passwords_in(address):
        remember_secret(password)
    return address


def list_known_secrets() -> tuple[str, ...]:
    """Return every form of every value that is in use, the longest first."""
    return _forms(_secrets_among(tuple(os.environ.items())) | _remembered)


@lru_cache(maxsize=4)
def _secrets_among(variables: tuple[tuple[str, str], ...]) -> frozenset[str]:
    found: set[str] = set()
    for name, value in variables:
        if "://" in value and "@" in value:
            found.update(_passwords_in(value))
        if _NAME.search(name) and name not in _NO_SECRETS and len(value) >= _SHORTEST and looks_random(value):
            found.add(value.strip())
    return frozenset(found)


def _passwords_in(address: str) -> Iterator[str]:
    for start, end in find_user_info(address):
        user, _, password = address[start:end].partition(":")
        if len(password or user) >= _SHORTEST:
            yield password or user
            yield unquote(password or user)


@lru_cache(maxsize=16)
def _forms(values: frozenset[str]) -> tuple[str, ...]:
    forms = set(values)
    for value in values:
        coded = value.encode("utf-8", "surrogateescape")
        forms |= {quote(value, safe="", errors="replace"), json.dumps(value)[1:-1], value.replace("\n", "\\n")}
        forms.add(base64.b64encode(coded).decode().rstrip("="))
        forms |= {line for line in value.splitlines() if len(line) > 40}  # a key in several lines
    return tuple(sorted((form for form in forms if len(form) >= _SHORTEST), key=len, reverse=True))
