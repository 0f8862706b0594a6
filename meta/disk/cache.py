"""DOCSTRING meta.disk.cache."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    pass


HALF_MADE_PATTERNS = ("*/.making-*", "environments/.export-*", "environments/specs/.making-*")
"""What a killed process leaves in the cache."""


def remove_path(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
