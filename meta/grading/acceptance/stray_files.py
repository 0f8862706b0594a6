"""Objects to stray files: leftovers, experiments, build output, large or binary."""

from __future__ import annotations

import json
import re
from pathlib import PurePosixPath

from meta.grading.acceptance.finding import Check, Need
from meta.grading.acceptance.submission_change import ChangedFile, SubmissionChange

LARGE_FILE_BYTES = 500_000
"""An added file, or the growth of a file, is large from this many bytes on."""

_LEFTOVER = re.compile(
    r"~$|^[.#]#|\.(orig|rej|bak|backup|old|swp|swo|tmp|temp|log|pid|stackdump|py[cod]|class|o|so|dylib|dll|exe|whl|egg)$"
    r"|^(\.DS_Store|Thumbs\.db|desktop\.ini|nohup\.out|core|\.coverage(\..+)?|coverage\.xml|junit\.xml|\.env)$",
    re.IGNORECASE,
)
_FOLDERS = re.compile(
    r"^(__pycache__|\.(pytest|mypy|ruff|hypothesis)(_cache)?|\.(idea|vscode|vs|tox|nox|venv|eggs|ipynb_checkpoints)"
    r"|node_modules|htmlcov|venv|build|dist|.+\.egg-info)$"
)
_EXPERIMENT = re.compile(
    r"^(repro(duce)?|debug|scratch|tmp|temp|demo|try|check|verify)([_-].*)?\.(py|sh|js|txt)$"
    r"|^(summary|changes_summary|implementation(_(notes|summary|plan))?|fix(_summary|_notes)?|notes|plan|todo)\.(md|txt)$",
    re.IGNORECASE,
)
"""Looked for in the root only, where agents leave scripts and reports that they wrote for themselves."""


def _object_to(change: SubmissionChange, need: Need) -> str:
    found = [f"{file.path} {words}" for file in change.files if (words := _object_to_file(file, change))]
    more = f", and {len(found) - 3} more" if len(found) > 3 else ""
    return "; ".join(found[:3]) + more


def _object_to_file(file: ChangedFile, change: SubmissionChange) -> str:
    if file.after is None:
        return ""
    parts = PurePosixPath(file.path).parts
    if file.added:
        if _LEFTOVER.search(parts[-1]):
            return "is a leftover or a generated file"
        for depth, part in enumerate(parts[:-1], 1):
            # Some projects have a package called `build`, which was there before.
            if _FOLDERS.match(part) and not change.base.joinpath(*parts[:depth]).is_dir():
                return f"lies in {part}/, which tools make"
        if len(parts) == 1 and _EXPERIMENT.match(parts[0]):
            return "looks like an experiment left in the root"
    if file.binary:
        return "is binary"
    if len(file.after) - len(file.before or b"") > LARGE_FILE_BYTES:
        return f"is large ({len(file.after) // 1000} kB)"
    if parts[-1].endswith(".ipynb") and _count_outputs(file.after) > _count_outputs(file.before):
        return "carries the output of a notebook"
    return ""


def _count_outputs(notebook: bytes | None) -> int:
    """Count the cells of a notebook that hold output."""
    try:
        cells = json.loads(notebook or b"{}").get("cells", [])
        return sum(bool(cell.get("outputs")) for cell in cells)
    except (ValueError, AttributeError, TypeError, RecursionError):
        return 0


STRAY_FILES = Check(
    "stray-files", "added files: leftovers, build output, binaries, large files, notebooks' output", _object_to
)
