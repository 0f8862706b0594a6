"""Tries a ticket: its grader must tell the gold change from no change at all.

Base fails and gold passes, several times each, through the grader that will judge replays; the rejected diff, where
there is one, must fail. Tests that cannot be relied on are left out of the grader.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from meta.environments.workshop import Bench
from meta.project import Report, ignore_report
from meta.records.ticket import Admission, ReviewCheck, Ticket
from meta.tickets.admission.check_selection import add_acceptance_checks, add_review_checks
from meta.tickets.admission.hardness import prove_hardness
from meta.tickets.admission.quarantine import NotAdmissible, examine_diff
from meta.tickets.admission.reliable_tests import LeftOut, keep_failing_on_base, keep_passing_on_gold

CheckDrafter = Callable[[Ticket], tuple[ReviewCheck, ...]]
"""Drafts review checks for a ticket whose rejected diff passes everything else."""


def admit_ticket(
    ticket: Ticket,
    bench: Bench,
    *,
    runs: int = 3,
    draft: CheckDrafter | None = None,
    keep_weak: bool = False,
    report: Report = ignore_report,
) -> tuple[Admission, Ticket]:
    """Try a ticket, and return what was found with the ticket as it may be replayed.

    The returned ticket's grader lacks the tests that turned out flaky, slow or dependent on their order, and holds the
    acceptance checks that the merged change passes. With `keep_weak`, a ticket that a stub passes is admitted as weak
    instead of quarantined as hackable. `draft` is asked when nothing fails the rejected diff. Several
    tickets may be tried at once, each in its own thread. Raises `OSError` when this machine is at fault: a full disk
    says nothing about a ticket.
    """
    begun, given = time.monotonic(), ticket.grader.review
    # A check must not decide before it is admitted.
    ticket = ticket.with_grader(checks=(), review=())
    try:
        _require_parts(ticket)
        ticket, left_out, passed = keep_passing_on_gold(ticket, bench, runs, report)
        ticket, passing = keep_failing_on_base(ticket, bench, runs, report)
        ticket = prove_hardness(ticket, passed, bench, report, keep_weak=keep_weak)
        report("acceptance checks on the merged change")
        ticket = add_acceptance_checks(ticket, bench)
        if ticket.rejected is not None:
            ticket = _fail_rejected(ticket, given, bench, draft, report)
        reason = _join(_describe_weakness(ticket), _describe_left_out(left_out | passing))
        admission = Admission(ticket=ticket.id, status="admitted", reason=reason, runs=runs)
    except NotAdmissible as why:
        ticket = ticket.with_grader(review=given)
        admission = Admission(ticket=ticket.id, status="quarantined", reason=str(why), runs=runs)
    return admission.model_copy(update={"seconds": round(time.monotonic() - begun, 3)}), ticket


def _require_parts(ticket: Ticket) -> None:
    if ticket.gold is None:
        raise NotAdmissible("it has no gold diff, so nothing shows that its tests can be passed")
    if not ticket.gold.strip():
        raise NotAdmissible("its gold diff is empty: the change is in its tests alone")
    if not ticket.grader.fail_to_pass:
        raise NotAdmissible("it has no FAIL_TO_PASS test")


def _fail_rejected(
    ticket: Ticket, given: tuple[ReviewCheck, ...], bench: Bench, draft: CheckDrafter | None, report: Report
) -> Ticket:
    """Return the ticket with a grader that fails the rejected diff.

    If need be, that takes checks drafted from reviewers' words.
    """
    assert ticket.rejected is not None
    report("the rejected diff")
    examined = examine_diff(ticket, ticket.rejected, bench)
    if examined.reading is None:
        raise NotAdmissible(f"the rejected diff proves nothing: {examined.graded.reason}")
    ticket = add_review_checks(ticket, given, bench)
    if examined.graded.verdict == "passed" and not ticket.grader.review and draft:
        report("drafting checks from the reviewers' words")
        ticket = add_review_checks(ticket, draft(ticket), bench)
    if examined.graded.verdict == "passed" and not ticket.grader.review:
        raise NotAdmissible("the rejected diff passes: neither tests nor checks see what its reviewers objected to")
    return ticket


def _describe_weakness(ticket: Ticket) -> str:
    bare = [test for test in ticket.grader.unaltered if test in ticket.grader.fail_to_pass]
    more = f", and {len(bare) - 1} more" if len(bare) > 1 else ""
    return _join(
        f"weak: {ticket.grader.weak}" if ticket.grader.weak else "",
        f"no altered copy of {bare[0]}{more} fails with the merged change" if bare else "",
    )


def _join(*parts: str) -> str:
    return "; ".join(part for part in parts if part)


def _describe_left_out(left_out: LeftOut) -> str:
    if not left_out:
        return ""
    test, why = next(iter(left_out.items()))
    more = f", and {len(left_out) - 1} more" if len(left_out) > 1 else ""
    return f"left out of the grader: {test} {why}{more}"
