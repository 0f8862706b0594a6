"""DOCSTRING meta.project."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    pass


Report = Callable[[str], None]
"""Receives one line of progress for a person."""


def ignore_report(line: str) -> None:
    """Tells nobody."""
