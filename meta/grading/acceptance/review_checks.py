"""Runs review checks: what a reviewer asked for, as small declarations.

A model drafts them from the reviewer's words, so they are data and never code, and they say where they come from
wherever their verdict is shown.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from fnmatch import fnmatchcase

from meta.grading.acceptance.finding import CheckResult
from meta.grading.acceptance.submission_change import SubmissionChange
from meta.records.ticket import ReviewCheck


def run_review_checks(checks: tuple[ReviewCheck, ...], change: SubmissionChange) -> list[CheckResult]:
    """Return what each review check finds in a change."""
    return [_run_check(f"review-{number}", check, change) for number, check in enumerate(checks, 1)]


def _run_check(name: str, check: ReviewCheck, change: SubmissionChange) -> CheckResult:
    if _is_met(check, change):
        return CheckResult(name, "passed")
    return CheckResult(name, "failed", f"{demand_of(check)} ({provenance_of(check)})")


def demand_of(check: ReviewCheck) -> str:
    """Say what the check asks for."""
    where = "anywhere" if check.files == "*" else f"in {check.files}"
    return {
        "must_add": f"an added line {where} has to contain {check.text!r}",
        "must_not_add": f"no added line {where} may contain {check.text!r}",
        "must_use": f"the change has to use {check.text} {where}",
        "must_touch": f"a file that matches {check.files} has to be changed",
        "must_not_touch": f"no file that matches {check.files} may be changed",
    }[check.kind]


def provenance_of(check: ReviewCheck) -> str:
    """Say who drafted it, and from which words."""
    return f"drafted by a model from what {check.author} wrote: “{check.quote}”"


def _is_met(check: ReviewCheck, change: SubmissionChange) -> bool:
    if check.kind in ("must_touch", "must_not_touch"):
        touched = any(fnmatchcase(file.path, check.files) for file in change.files)
        return touched == (check.kind == "must_touch")
    # Whole words for symbols, so that `total` is not found in `subtotal`; no pattern of the model's is ever run.
    wanted = re.compile(rf"(?<!\w){re.escape(check.text)}(?!\w)" if check.kind == "must_use" else re.escape(check.text))
    found = any(wanted.search(line) for line in _find_added_lines(check, change))
    return found != (check.kind == "must_not_add")


def _find_added_lines(check: ReviewCheck, change: SubmissionChange) -> Iterator[str]:
    for file in change.files:
        if fnmatchcase(file.path, check.files) and not file.binary:
            before, after = (Counter((text or b"").splitlines()) for text in (file.before, file.after))
            yield from (line.decode("utf-8", "replace") for line in after - before)
