"""Runs all the acceptance checks of a ticket."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from meta.environments.workshop import Bench
from meta.grading.acceptance.configured_tools import KNOWN_TOOLS, find_usable_tools
from meta.grading.acceptance.existing_tests import EXISTING_TESTS
from meta.grading.acceptance.finding import CheckResult
from meta.grading.acceptance.linter_run import lint_change
from meta.grading.acceptance.need import measure_merged_change
from meta.grading.acceptance.noise import NOISE
from meta.grading.acceptance.review_checks import demand_of, provenance_of, run_review_checks
from meta.grading.acceptance.size import SIZE
from meta.grading.acceptance.stray_files import STRAY_FILES
from meta.grading.acceptance.submission_change import SubmissionChange
from meta.grading.acceptance.suppressions import SUPPRESSIONS
from meta.records.ticket import Grader, Ticket

READING_CHECKS = {check.name: check for check in (EXISTING_TESTS, STRAY_FILES, NOISE, SIZE, SUPPRESSIONS)}
"""Checks that only read the change, and cost next to nothing."""

LINTER_DESCRIPTION = (
    "the repository's own program, on the Python files that the change touches; only new problems count"
)


def list_known_checks(bench: Bench) -> tuple[str, ...]:
    """Return the names of all checks that can be made of a submission to this base."""
    return (*READING_CHECKS, *(tool.name for tool in find_usable_tools(bench.template.tree, bench.environment)))


def describe_checks(grader: Grader) -> list[str]:
    """Describe each of the grader's checks in one line for a person."""
    review = [f"review-{n}: {demand_of(check)}; {provenance_of(check)}" for n, check in enumerate(grader.review, 1)]
    return [
        f"{name}: {READING_CHECKS[name].looks_at if name in READING_CHECKS else LINTER_DESCRIPTION}"
        for name in grader.checks
    ] + review


def read_change(names: Iterable[str], change: SubmissionChange, ticket: Ticket) -> list[CheckResult]:
    """Return what the checks find that only read the change.

    These are the reading checks among `names`, and the ticket's review checks.
    """
    need = measure_merged_change(ticket, change.base)
    return [READING_CHECKS[name].find(change, need) for name in names if name in READING_CHECKS] + run_review_checks(
        ticket.grader.review, change
    )


def run_tools(names: Sequence[str], change: SubmissionChange, bench: Bench) -> list[CheckResult]:
    """Run those checks among `names` that run one of the repository's own programs.

    Raises `OSError` or `SandboxUnavailable` when this machine is at fault.
    """
    wanted = [name for name in names if name in KNOWN_TOOLS]
    if not wanted:
        return []
    here = {tool.name: tool for tool in find_usable_tools(bench.template.tree, bench.environment)}
    missing = [CheckResult(name, "void", "it is not installed any more") for name in wanted if name not in here]
    return missing + lint_change(change, [here[name] for name in wanted if name in here], bench)
