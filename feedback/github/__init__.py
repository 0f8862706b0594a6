"""Outcomes from GitHub's API. Names are loaded when first used: `githubkit` is slow to import."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from feedback.github.access import Access as Access
    from feedback.github.client import Client as Client
    from feedback.github.source import GitHub as GitHub

_HOMES = {"Access": "access", "Client": "client", "GitHub": "source"}
__all__ = sorted(_HOMES)


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'feedback.github' has no attribute {name!r}")
    return getattr(import_module(f"feedback.github.{_HOMES[name]}"), name)
