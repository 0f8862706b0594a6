"""Chooses a ticket's acceptance checks: those that its merged change passes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from meta.environments.workshop import Bench
from meta.grading.acceptance.checks import list_known_checks, read_change, run_tools
from meta.grading.acceptance.review_checks import run_review_checks
from meta.grading.acceptance.submission_change import SubmissionChange, compare_with_base
from meta.grading.overlay import lay_hidden_files
from meta.records.ticket import HiddenFile, ReviewCheck, Ticket
from worker_agent.submission_diff import apply_diff

SLOW_LINTER_SECONDS = 10.0
"""A program that takes longer is left out, since it would run in every replay that passes the tests."""


def add_acceptance_checks(ticket: Ticket, bench: Bench) -> Ticket:
    """Return the ticket with every check that the merged change passes.

    The change includes its tests. A check that takes too long is left out.
    """
    change = _open_merged_change(ticket, bench)
    names = list_known_checks(bench)
    found = [*read_change(names, change, ticket), *run_tools(names, change, bench)]
    passed = {
        finding.check for finding in found if finding.verdict == "passed" and finding.seconds < SLOW_LINTER_SECONDS
    }
    return ticket.with_grader(checks=tuple(name for name in names if name in passed))


def add_review_checks(ticket: Ticket, drafts: Iterable[ReviewCheck], bench: Bench) -> Ticket:
    """Return the ticket with those drafts that tell its two sides apart.

    The merged change passes them, and the rejected diff fails them.
    """
    drafts = tuple(dict.fromkeys(drafts))
    if not drafts or ticket.rejected is None:
        return ticket.with_grader(review=())
    right, wrong = (
        run_review_checks(drafts, _open_merged_change(ticket, bench)),
        run_review_checks(drafts, _open_change(ticket.rejected, (), bench)),
    )
    pairs = zip(drafts, right, wrong, strict=True)
    return ticket.with_grader(review=tuple(c for c, r, w in pairs if r.verdict == "passed" and w.verdict == "failed"))


def _open_merged_change(ticket: Ticket, bench: Bench) -> SubmissionChange:
    return _open_change(ticket.gold or "", ticket.grader.hidden, bench)


def _open_change(diff: str, hidden: Sequence[HiddenFile], bench: Bench) -> SubmissionChange:
    with bench.workspace("merged-") as workspace:
        apply_diff(workspace, diff)
        lay_hidden_files(workspace.root, hidden)
        return compare_with_base(workspace.root, bench.template.tree)
