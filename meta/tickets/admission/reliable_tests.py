"""Leaves unreliable tests out of a grader: flaky, slow, or dependent on order."""

from __future__ import annotations

import re
from collections.abc import Sequence

from meta.environments.workshop import Bench
from meta.grading.grader import MAX_TIMEOUTS, Examination
from meta.languages.test_run import RunOptions, TestRun, first_error_line
from meta.project import Report
from meta.records.ticket import Ticket
from meta.tickets.admission.quarantine import NotAdmissible, examine_diff

SLOW_TEST_SECONDS = 10.0
"""A PASS_TO_PASS test that takes longer is not worth running in every replay."""

MAX_ROUNDS = 4
"""How often tests may be left out and the rest retried before the ticket is given up."""

_NETWORK = re.compile(
    r"Network is unreachable|Name or service not known|name resolution|getaddrinfo|nodename nor servname"
    r"|No route to host|Max retries exceeded|ProxyError|Could not resolve host"
)

LeftOut = dict[str, str]
"""Test id to why the test is left out, in words that follow its name."""


ALTERED_RUNS = 2
"""Beside how many of the gold change's runs altered tests are run too, each time altered anew."""


def keep_passing_on_gold(
    ticket: Ticket, bench: Bench, runs: int, report: Report
) -> tuple[Ticket, LeftOut, Sequence[TestRun]]:
    """Leave tests out until the gold change passes the rest reliably; return the runs that it passed, too.

    The FAIL_TO_PASS tests must pass `runs` times in order, and all of them once backwards.

    Raises `NotAdmissible` when no FAIL_TO_PASS test remains, or tests still fail after `MAX_ROUNDS`.
    """
    left_out: LeftOut = {}
    for _ in range(MAX_ROUNDS):
        unfit, examined = _find_unfit_on_gold(ticket, bench, runs, report)
        if not unfit:
            if examined[0].graded.verdict != "passed":
                raise NotAdmissible(f"the gold change does not pass: {examined[0].graded.reason}")
            return ticket, left_out, [one.run for one in examined if one.run]
        left_out |= unfit
        if not [test for test in ticket.grader.fail_to_pass if test not in unfit]:
            test, why = next((t, w) for t, w in unfit.items() if t in ticket.grader.fail_to_pass)
            raise NotAdmissible(f"no FAIL_TO_PASS test can be relied on: {test} {why}")
        ticket = _without(ticket, unfit)
    raise NotAdmissible(f"after leaving out {len(left_out)} tests, others still fail with the gold change")


def _find_unfit_on_gold(ticket: Ticket, bench: Bench, runs: int, report: Report) -> tuple[LeftOut, list[Examination]]:
    """Return the tests to leave out, and the runs in order.

    Whole files run once in order and once backwards; only the FAIL_TO_PASS tests are repeated.
    """
    tests, gold = ticket.grader.deciding_tests, ticket.gold or ""
    passes, made = dict.fromkeys(tests, 0), dict.fromkeys(tests, 0)
    slowest = dict.fromkeys(tests, 0.0)
    found: list[Examination] = []
    for run in range(runs):
        report(f"gold, run {run + 1} of {runs}")
        asked = ticket.with_grader(pass_to_pass=()) if run and not ticket.grader.junit else ticket
        examined = examine_diff(asked, gold, bench, RunOptions(altered=run < ALTERED_RUNS, trace=not run))
        if examined.reading is None:
            raise NotAdmissible(f"the gold change does not apply: {examined.graded.reason}")
        if run == 0 and not any(outcome == "passed" for outcome in examined.reading.outcomes.values()):
            raise NotAdmissible(f"no test passes with the gold change: {examined.graded.reason}")
        for test in asked.grader.deciding_tests:
            made[test] += 1
            passes[test] += examined.reading.outcomes.get(test) == "passed"
            slowest[test] = max(slowest[test], examined.reading.seconds.get(test, 0.0))
        found.append(examined)
    unfit = {test: _explain_failures(test, n, made[test], found[0]) for test, n in passes.items() if n < made[test]}
    unfit |= {
        test: f"is slow ({slowest[test]:.0f} s)"
        for test in ticket.grader.pass_to_pass
        if slowest[test] > SLOW_TEST_SECONDS and test not in unfit
    }
    if not unfit and len(tests) > 1 and not ticket.grader.junit:  # in which order others run, they decide
        report("gold, tests in reverse order")
        backwards = examine_diff(ticket, gold, bench, RunOptions(reverse=True, altered=False)).reading
        outcomes = backwards.outcomes if backwards else {}
        unfit = {test: "depends on the order of the tests" for test in tests if outcomes.get(test) != "passed"}
    return unfit, found


def keep_failing_on_base(ticket: Ticket, bench: Bench, runs: int, report: Report) -> tuple[Ticket, LeftOut]:
    """Leave out the FAIL_TO_PASS tests that pass on the base in any of `runs` runs.

    The base is also the empty submission. Raises `NotAdmissible` when none of the tests remains.
    """
    unfit: LeftOut = {}
    for run in range(runs):
        report(f"base, run {run + 1} of {runs}")
        options = RunOptions(max_timeouts=MAX_TIMEOUTS, altered=False)
        reading = examine_diff(ticket.with_grader(pass_to_pass=()), "", bench, options).reading
        outcomes = reading.outcomes if reading else {}
        for test in ticket.grader.fail_to_pass:
            if outcomes.get(test) == "passed":
                unfit[test] = "passes without the change"
    if len(unfit) == len(ticket.grader.fail_to_pass):
        raise NotAdmissible(f"the empty submission passes: {next(iter(unfit))} does not need the change")
    return _without(ticket, unfit), unfit


def _explain_failures(test: str, passed: int, runs: int, examined: Examination) -> str:
    if passed:
        return f"is flaky: with the gold change it passed {passed} of {runs} times"
    reason = (examined.reading.words.get(test) if examined.reading else "") or examined.graded.reason
    if _NETWORK.search(reason):
        return f"needs the network, which no replay has ({first_error_line(reason)})"
    return f"does not pass with the gold change ({first_error_line(reason)})"


def _without(ticket: Ticket, tests: LeftOut) -> Ticket:
    grader = ticket.grader
    return ticket.with_grader(
        fail_to_pass=tuple(test for test in grader.fail_to_pass if test not in tests),
        pass_to_pass=tuple(test for test in grader.pass_to_pass if test not in tests),
    )
