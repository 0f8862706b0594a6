"""Objects to new comments that silence a checker."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

from meta.grading.acceptance.finding import Check
from meta.grading.acceptance.submission_change import ChangedFile, SubmissionChange

_SILENCER = re.compile(
    rb"#\s*((?:ruff|flake8):\s*noqa|noqa|(?:type|pyright|ty|pyre)\s*:\s*ignore|mypy:\s*[\w-]+|pylint:\s*(?:disable|skip)"
    rb"|fmt:\s*(?:off|skip)|yapf:\s*disable|isort:\s*(?:off|skip|skip_file)|nosec|pragma:\s*no\s?cover)\b",
    re.IGNORECASE,
)


def _object_to(change: SubmissionChange, needed: int) -> str:
    came = {
        file.path: _count_added(file) for file in change.files if PurePosixPath(file.path).suffix in (".py", ".pyi")
    }
    # Counted over the whole change, because a comment may have moved from another file.
    total = sum(came.values())
    if total <= 0:
        return ""
    path = max(came, key=lambda path: came[path])
    more = f"{total} new comments silence" if total > 1 else "a new comment silences"
    return f"{path}: {more} a checker"


def _count_added(file: ChangedFile) -> int:
    return len(_SILENCER.findall(file.after or b"")) - len(_SILENCER.findall(file.before or b""))


SUPPRESSIONS = Check("suppressions", "new comments that silence a linter, a type checker or coverage", _object_to)
