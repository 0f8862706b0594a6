"""Objects to new comments that silence a checker, unless the merged change has as many."""

from __future__ import annotations

from meta.grading.acceptance.finding import Check, Need
from meta.grading.acceptance.silencers import count_silencers
from meta.grading.acceptance.submission_change import ChangedFile, SubmissionChange


def _object_to(change: SubmissionChange, need: Need) -> str:
    came = {file.path: _count_added(file) for file in change.files if not file.binary}
    # Counted over the whole change, because a comment may have moved from another file.
    total = sum(came.values())
    if total <= max(0, need.silencers):
        return ""
    path = max(came, key=lambda path: came[path])
    more = f"{total} new comments silence" if total > 1 else "a new comment silences"
    allowed = f" (the merged change has {need.silencers})" if need.silencers > 0 else ""
    return f"{path}: {more} a checker{allowed}"


def _count_added(file: ChangedFile) -> int:
    return count_silencers(file.path, file.after or b"") - count_silencers(file.path, file.before or b"")


SUPPRESSIONS = Check(
    "suppressions",
    "new comments that silence a linter, a type checker or coverage, beyond those of the merged change",
    _object_to,
)
