"""What a ticket has to prove before a replay of it may count: its grader tells the gold change from nothing at all.

Base fails and gold passes, several times each, through the grader that will judge replays; the rejected diff, where
there is one, scores nothing. Tests that cannot be relied on are left out of the grader.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from meta.grading.acceptance.linter_run import LinterBench as AcceptanceBench
from meta.grading.grader import MAX_TIMEOUTS, Examination, examine_submission
from meta.languages.test_run import first_error_line
from meta.records.replay import MACHINE_FAULT
from meta.records.ticket import Admission, ReviewCheck, Ticket, TicketStatus
from meta.tickets.admission.check_selection import add_acceptance_checks, add_review_checks
from worker_agent.records import Environment
from worker_agent.sandbox.job import Sandbox, SandboxLimits
from worker_agent.workspace import Template

SLOW_TEST_SECONDS = 10.0
"""Seconds after which a PASS_TO_PASS test is not worth running in every replay."""

RUN_ATTEMPTS = 2
"""How often a run is made that ends in the middle or before its tests begin: something may have killed it."""

MAX_ROUNDS = 4
"""How often tests may be left out and the rest tried again before the ticket is given up."""

_NETWORK = re.compile(
    r"Network is unreachable|Name or service not known|name resolution|getaddrinfo|nodename nor servname"
    r"|No route to host|Max retries exceeded|ProxyError|Could not resolve host"
)

AdmissionProgress = Callable[[str], None]

CheckDrafter = Callable[[Ticket], tuple[ReviewCheck, ...]]
"""Drafts review checks for a ticket whose rejected diff passes all else."""


class Quarantine(Exception):
    """Why a ticket cannot be replayed, in words for a person."""


@dataclass(frozen=True)
class AdmissionBench:
    """Where a ticket's runs take place; see `meta.grading.grader.grade_submission`."""

    template: Template
    environment: Environment
    sandbox: Sandbox
    scratch: Path
    limits: SandboxLimits | None = None

    @property
    def acceptance(self) -> AcceptanceBench:
        """The same for acceptance checks."""
        return AcceptanceBench(self.template, self.environment, self.sandbox, self.scratch)

    def examine(self, ticket: Ticket, diff: str, *, reverse: bool = False, hangs: int | None = None) -> Examination:
        """Grade one diff. Raises `Quarantine` when nothing could be learnt, `OSError` when the machine is at fault."""
        for _ in range(RUN_ATTEMPTS):
            examined = examine_submission(
                ticket,
                diff,
                template=self.template,
                environment=self.environment,
                sandbox=self.sandbox,
                scratch=self.scratch,
                limits=self.limits,
                reverse=reverse,
                hangs=hangs,
            )
            run = examined.run
            ended_early = run is not None and run.started and not run.finished and not run.timed_out
            if examined.graded.verdict != "void" and not ended_early:
                return examined
        reason = examined.graded.reason
        if examined.graded.verdict != "void":
            return examined
        if reason.startswith(MACHINE_FAULT):
            raise OSError(reason.removeprefix(MACHINE_FAULT).strip())
        raise Quarantine(f"its tests could not be run: {reason}")


def admit_ticket(
    ticket: Ticket,
    *,
    template: Template,
    environment: Environment,
    sandbox: Sandbox,
    scratch: Path,
    runs: int = 3,
    limits: SandboxLimits | None = None,
    draft: CheckDrafter | None = None,
    progress: AdmissionProgress | None = None,
) -> tuple[Admission, Ticket]:
    """Try a ticket, and return what was found with the ticket as it may be replayed.

    The returned ticket's grader lacks the tests that turned out flaky, slow or dependent on their order, and holds the
    acceptance checks that the merged change passes. `draft` is asked when nothing fails the rejected diff. One unit of
    work without shared state: the caller may run several at once, each in its own thread. Raises `OSError` when the
    machine is at fault: a full disk says nothing about a ticket.
    """
    begun = time.monotonic()
    tell = progress or (lambda _: None)
    bench = AdmissionBench(template, environment, sandbox, scratch, limits)

    def found(status: TicketStatus, reason: str, result: Ticket) -> tuple[Admission, Ticket]:
        return (
            Admission(
                ticket=ticket.id, status=status, reason=reason, runs=runs, seconds=round(time.monotonic() - begun, 3)
            ),
            result,
        )

    given = ticket.grader.review
    # What is admitted here must not decide before it is.
    ticket = _with_grader(ticket, checks=(), review=())
    try:
        _has_what_it_takes(ticket)
        ticket, left_out = _settle(ticket, bench, runs, tell)
        ticket, passing = _without_passing_at_base(ticket, bench, runs, tell)
        left_out |= passing
        tell("acceptance checks on the merged change")
        ticket = add_acceptance_checks(ticket, bench.acceptance)
        if ticket.rejected is not None:
            ticket = _told_from_rejected(ticket, given, bench, draft, tell)
    except Quarantine as reason:
        return found("quarantined", str(reason), _with_grader(ticket, review=given))
    return found("admitted", _left_out_words(left_out), ticket)


def _told_from_rejected(
    ticket: Ticket,
    given: tuple[ReviewCheck, ...],
    bench: AdmissionBench,
    draft: CheckDrafter | None,
    tell: AdmissionProgress,
) -> Ticket:
    """The ticket whose grader fails the rejected diff, if need be by checks drafted from the reviewers' words."""
    assert ticket.rejected is not None
    tell("the rejected diff")
    examined = bench.examine(ticket, ticket.rejected)
    if examined.reading is None:
        raise Quarantine(f"the rejected diff proves nothing: {examined.graded.reason}")
    ticket = add_review_checks(ticket, given, bench.acceptance)
    if examined.graded.verdict == "passed" and not ticket.grader.review and draft:
        tell("drafting checks from the reviewers' words")
        ticket = add_review_checks(ticket, draft(ticket), bench.acceptance)
    if examined.graded.verdict == "passed" and not ticket.grader.review:
        raise Quarantine("the rejected diff passes: neither tests nor checks see what its reviewers objected to")
    return ticket


def _has_what_it_takes(ticket: Ticket) -> None:
    if ticket.gold is None:
        raise Quarantine("it has no gold diff, so nothing shows that its tests can be passed")
    if not ticket.gold.strip():
        raise Quarantine("its gold diff is empty: the change is in its tests alone")
    if not ticket.grader.fail_to_pass:
        raise Quarantine("it has no FAIL_TO_PASS test")


def _settle(ticket: Ticket, bench: AdmissionBench, runs: int, tell: AdmissionProgress) -> tuple[Ticket, dict[str, str]]:
    """Leave tests out until the gold change passes all that remain, `runs` times in order and once backwards."""
    left_out: dict[str, str] = {}
    for _ in range(MAX_ROUNDS):
        unfit, last = _unfit_on_gold(ticket, bench, runs, tell)
        if not unfit:
            if last.graded.verdict != "passed":
                raise Quarantine(f"the gold change does not pass: {last.graded.reason}")
            return ticket, left_out
        left_out |= unfit
        keep = [test for test in ticket.grader.fail_to_pass if test not in unfit]
        if not keep:
            test, why = next((t, w) for t, w in unfit.items() if t in ticket.grader.fail_to_pass)
            raise Quarantine(f"no FAIL_TO_PASS test can be relied on: {test} {why}")
        ticket = _without(ticket, set(unfit))
    raise Quarantine(f"after leaving out {len(left_out)} tests, others still fail with the gold change")


def _unfit_on_gold(
    ticket: Ticket, bench: AdmissionBench, runs: int, tell: AdmissionProgress
) -> tuple[dict[str, str], Examination]:
    """Tests to leave out, each with what is wrong with it, and the last run in order."""
    tests = (*ticket.grader.fail_to_pass, *ticket.grader.pass_to_pass)
    ticket_gold = ticket.gold or ""
    passes = dict.fromkeys(tests, 0)
    slowest = dict.fromkeys(tests, 0.0)
    examined = None
    for run in range(runs):
        tell(f"gold, run {run + 1} of {runs}")
        examined = bench.examine(ticket, ticket_gold)
        if examined.reading is None:
            raise Quarantine(f"the gold change does not apply: {examined.graded.reason}")
        if run == 0 and not any(outcome == "passed" for outcome in examined.reading.outcomes.values()):
            raise Quarantine(f"no test passes with the gold change: {examined.graded.reason}")
        for test in tests:
            passes[test] += examined.reading.outcomes.get(test) == "passed"
            slowest[test] = max(slowest[test], examined.reading.seconds.get(test, 0.0))
    assert examined is not None
    unfit = {test: _words(test, count, runs, examined) for test, count in passes.items() if count < runs}
    unfit |= {
        test: f"is slow ({slowest[test]:.0f} s)"
        for test in ticket.grader.pass_to_pass
        if slowest[test] > SLOW_TEST_SECONDS and test not in unfit
    }
    if not unfit and len(tests) > 1 and not ticket.grader.junit:  # in which order others run, they decide
        tell("gold, tests in reverse order")
        backwards = bench.examine(ticket, ticket_gold, reverse=True).reading
        outcomes = backwards.outcomes if backwards else {}
        unfit = {test: "depends on the order of the tests" for test in tests if outcomes.get(test) != "passed"}
    return unfit, examined


def _words(test: str, passed: int, runs: int, examined: Examination) -> str:
    if passed:
        return f"is flaky: with the gold change it passed {passed} of {runs} times"
    reason = (examined.reading.words.get(test) if examined.reading else "") or examined.graded.reason
    if _NETWORK.search(reason):
        return f"needs the network, which no replay has ({first_error_line(reason)})"
    return f"does not pass with the gold change ({first_error_line(reason)})"


def _without_passing_at_base(
    ticket: Ticket, bench: AdmissionBench, runs: int, tell: AdmissionProgress
) -> tuple[Ticket, dict[str, str]]:
    """The base, which is also the empty submission, must score nothing, every time, on every FAIL_TO_PASS test."""
    unfit: dict[str, str] = {}
    for run in range(runs):
        tell(f"base, run {run + 1} of {runs}")
        reading = bench.examine(ticket, "", hangs=MAX_TIMEOUTS).reading
        outcomes = reading.outcomes if reading else {}
        for test in ticket.grader.fail_to_pass:
            if outcomes.get(test) == "passed":
                unfit[test] = "passes without the change"
    if len(unfit) == len(ticket.grader.fail_to_pass):
        raise Quarantine(f"the empty submission passes: {next(iter(unfit))} does not need the change")
    return _without(ticket, set(unfit)), unfit


def _without(ticket: Ticket, tests: set[str]) -> Ticket:
    return _with_grader(
        ticket,
        fail_to_pass=tuple(t for t in ticket.grader.fail_to_pass if t not in tests),
        pass_to_pass=tuple(t for t in ticket.grader.pass_to_pass if t not in tests),
    )


def _with_grader(ticket: Ticket, **changed: object) -> Ticket:
    return ticket.model_copy(update={"grader": ticket.grader.model_copy(update=changed)})


def _left_out_words(left_out: dict[str, str]) -> str:
    if not left_out:
        return ""
    test, why = next(iter(left_out.items()))
    more = f", and {len(left_out) - 1} more" if len(left_out) > 1 else ""
    return f"left out of the grader: {test} {why}{more}"
