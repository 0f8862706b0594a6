"""Grades a submission in a second workspace, with tests that it cannot touch.

The verdict is made in this process, which never imports code of the repository. It rests on reports from the test
process, which the code under test shares; `meta.languages.python.bait` keeps that code from forging them.
"""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

from meta.environments.fault import describe_error, find_machine_fault
from meta.environments.workshop import Bench
from meta.errors import MetaError
from meta.grading.acceptance.checks import read_change, run_tools
from meta.grading.acceptance.finding import CheckResult
from meta.grading.acceptance.submission_change import SubmissionChange, compare_with_base
from meta.grading.overlay import lay_hidden_files, restore_protected
from meta.grading.runner_access import choose_alarms, find_runner_access
from meta.languages.junit.junit_run import WEAKER_VERDICT_NOTE
from meta.languages.runners import choose_runner
from meta.languages.test_run import AlteredRun, RunOptions, RunReading, TestRun
from meta.records.replay import MACHINE_FAULT, Graded, Verdict
from meta.records.ticket import Grader, Ticket
from worker_agent.records import INFRASTRUCTURE_ENDINGS, Submission
from worker_agent.submission_diff import RefusedDiff, apply_diff
from worker_agent.workspace import Workspace

_LINK = re.compile(r"^(?:new file mode|new mode) 0*(120000|160000)\s", re.MULTILINE)

MAX_TIMEOUTS = 2
"""A submission is given up after this many timeouts: the verdict is clear, and each further one costs as much."""


@dataclass(frozen=True)
class Examination:
    """A verdict and the test run that it was made from, if any could be made."""

    graded: Graded
    run: TestRun | None = None

    @property
    def reading(self) -> RunReading | None:
        """What the run says about each test; `None` when it says nothing."""
        return self.run.reading if self.run else None


def grade_submission(ticket: Ticket, diff: str, bench: Bench) -> Graded:
    """Decide about one submission, a diff against the ticket's base.

    `void` means that nothing was learnt about the submission, and a submission can never cause it: whatever goes wrong
    with it and not with the base is its own failure. Raises `MetaError` only where the ticket itself is wrong.
    """
    return examine_submission(ticket, diff, bench, RunOptions(max_timeouts=MAX_TIMEOUTS)).graded


def examine_submission(ticket: Ticket, diff: str, bench: Bench, options: RunOptions = RunOptions()) -> Examination:
    """Decide as `grade_submission` does, and return the outcome of each test too."""
    begun = time.monotonic()
    examined = _examine(ticket, diff, bench, options)
    graded = examined.graded.model_copy(update={"seconds": time.monotonic() - begun})
    return replace(examined, graded=graded)


def _examine(ticket: Ticket, diff: str, bench: Bench, options: RunOptions) -> Examination:
    if refused := _refuse_unseen(ticket, diff):
        return Examination(refused)
    run = None
    try:
        with bench.workspace("grade-") as workspace:
            try:
                apply_diff(workspace, diff)
            except RefusedDiff as why:
                return Examination(Graded(verdict="failed", reason=f"the submission does not apply: {why}"))
            looked_at = diff.strip() or ticket.grader.checks or ticket.grader.review
            change = compare_with_base(workspace.root, bench.template.tree) if looked_at else None
            run = run_ticket_tests(ticket, workspace, bench, options)
        if run.started and run.reading is not None:
            graded = _decide(ticket, diff, change, run, bench)
        else:
            graded = _decide_without_report(ticket, diff, run, bench)
    except MetaError:  # the ticket is wrong
        raise
    except Exception as error:
        graded = _decide_after_error(ticket, error, bench)
    return Examination(graded, run)


def _decide_after_error(ticket: Ticket, error: Exception, bench: Bench) -> Graded:
    """Return the verdict when grading raised an error: void if the machine is at fault."""
    if fault := find_machine_fault(error, bench):
        return Graded(verdict="void", reason=f"{MACHINE_FAULT} could not grade: {fault}", tests="void")
    reason = f"grading it raised {describe_error(error)}"
    return Graded(verdict="failed", reason=reason, tests="failed", failed=ticket.grader.deciding_tests)


def _refuse_unseen(ticket: Ticket, diff: str) -> Graded | None:
    """Return the verdict on a ticket without tests or a forbidden diff, if it is one."""
    if not ticket.grader.fail_to_pass:
        return Graded(verdict="void", reason=f"ticket {ticket.id} has no FAIL_TO_PASS test to decide by")
    if link := _LINK.search(diff):
        kind = "a symbolic link" if link[1] == "120000" else "a submodule"
        return Graded(verdict="failed", reason=f"the submission holds {kind}")
    return None


def run_ticket_tests(ticket: Ticket, workspace: Workspace, bench: Bench, options: RunOptions = RunOptions()) -> TestRun:
    """Put the grader's files over the submission's, and run its tests."""
    grader, base = ticket.grader, bench.template.tree
    restore_protected(workspace.root, base, (*grader.protected, *(grader.junit.protected if grader.junit else ())))
    options = replace(options, alarms=choose_alarms(base, ticket), certain=options.certain or not ticket.gold)
    lay_hidden_files(workspace.root, grader.hidden)
    return choose_runner(grader).run(bench, workspace.root, grader, options)


def _decide(ticket: Ticket, diff: str, change: SubmissionChange | None, run: TestRun, bench: Bench) -> Graded:
    """Return the verdict of the tests and the acceptance checks together."""
    by_tests = _decide_by_tests(ticket.grader, run)
    if by_tests.verdict == "passed" and run.altered:
        by_tests = _decide_by_altered(ticket, diff, by_tests, run.altered, bench)
    if change is None:
        return by_tests
    if by_tests.verdict == "passed" and (reached := find_runner_access(change, ticket)):
        by_tests = _tampered(f"the submission reaches for what runs its tests: {reached}")
    findings = read_change(ticket.grader.checks, change, ticket)
    # A program of the repository's choice may take seconds; where the tests failed, nothing depends on it.
    if by_tests.verdict == "passed":
        findings += run_tools(ticket.grader.checks, change, bench)
    return combine_verdicts(by_tests, findings)


def _decide_by_altered(ticket: Ticket, diff: str, graded: Graded, altered: AlteredRun, bench: Bench) -> Graded:
    """Return the verdict once the altered tests are known.

    One that did not fail shows a submission that answers whatever it is asked. Where that is not certain, the merged
    change is run on the same altered tests: what it does not fail either shows nothing. A control run that itself could
    not end excuses nothing.
    """
    if not altered.started:  # the run beside it may have taken all memory, so once more
        again = _run_altered(ticket, diff, altered, bench)
        if not again or not again.started:
            words = f"the altered tests never started: {altered.output[-500:]}"
            return Graded(verdict="failed", reason=words, tests="failed")
        altered = again
    unshaken = altered.unshaken
    if unshaken and ticket.gold:
        if diff == ticket.gold:
            return graded
        control = _run_altered(ticket, ticket.gold, altered, bench)
        if control and control.started and not control.cut_short:
            unshaken = tuple(test for test in unshaken if test in control.shaken)
    if not unshaken:
        return graded
    test = unshaken[0]
    seen = "was not seen to fail" if altered.outcomes[test] == "missing" else f"ended as {altered.outcomes[test]}"
    return _tampered(f"{test} {seen} where it expects something else, so the submission does not solve the ticket")


def _run_altered(ticket: Ticket, diff: str, altered: AlteredRun, bench: Bench) -> AlteredRun | None:
    """Run another diff, or the same once more, on the same altered tests."""
    with bench.workspace("control-") as workspace:
        apply_diff(workspace, diff)
        return run_ticket_tests(ticket, workspace, bench, RunOptions(alterations=altered.alterations)).altered


def _tampered(reason: str) -> Graded:
    return Graded(verdict="tampered", reason=reason, tests="failed", alarms=(reason,))


def _decide_without_report(ticket: Ticket, diff: str, run: TestRun, bench: Bench) -> Graded:
    """Return the verdict on a run that never started, or left no report.

    Ending a run early must not make it void, so the merged change or the base is run to see whose fault it is.
    """
    control, whose = (ticket.gold, "the merged change") if ticket.gold and diff != ticket.gold else ("", "the base")
    if diff != control and _leaves_report(ticket, control, bench):
        reason = f"the run left no report, and {whose} does"
        return Graded(verdict="failed", reason=reason, tests="failed", failed=ticket.grader.deciding_tests)
    words = run.output.strip()[-500:] or "it said nothing"
    return Graded(verdict="void", reason=f"the tests never started: {words}", tests="void")


def _leaves_report(ticket: Ticket, diff: str, bench: Bench) -> bool:
    with bench.workspace("control-") as workspace:
        apply_diff(workspace, diff)
        return run_ticket_tests(ticket, workspace, bench, RunOptions(altered=False)).started


def _decide_by_tests(grader: Grader, run: TestRun) -> Graded:
    """Return the verdict of the tests as they are."""
    assert run.reading is not None
    reading = run.reading
    if failed := tuple(test for test in grader.deciding_tests if reading.outcomes.get(test) != "passed"):
        if reading.tampered:
            return _tampered(reading.distrust).model_copy(update={"failed": failed})
        reason = _explain_failure(failed, reading, grader, run)
        return Graded(verdict="failed", reason=reason, tests="failed", failed=failed)
    if reading.distrust:
        return _tampered(reading.distrust)
    words = f"{len(grader.fail_to_pass)} FAIL_TO_PASS and {len(grader.pass_to_pass)} PASS_TO_PASS tests pass"
    return Graded(verdict="passed", reason=words + (WEAKER_VERDICT_NOTE if grader.junit else ""), tests="passed")


def combine_verdicts(by_tests: Graded, findings: Sequence[CheckResult]) -> Graded:
    """Combine the verdicts of tests and checks, and keep each one in the result."""
    objections = tuple(f"{f.check}: {f.reason}" for f in findings if f.verdict == "failed")
    counted = [f for f in findings if f.verdict != "void"]
    acceptance: Verdict | None = "failed" if objections else "passed" if counted else None
    verdict, reason = by_tests.verdict, by_tests.reason
    if verdict == "passed" and objections:
        verdict, reason = "failed", "it passes the tests, but would not be merged as it is: " + "; ".join(objections)
    elif objections:
        reason += "\nbesides, " + "; ".join(objections)
    more = {"verdict": verdict, "reason": reason, "acceptance": acceptance, "objections": objections}
    return by_tests.model_copy(update=more)


def _explain_failure(failed: tuple[str, ...], reading: RunReading, grader: Grader, run: TestRun) -> str:
    first = failed[0]
    kind = "FAIL_TO_PASS" if first in grader.fail_to_pass else "PASS_TO_PASS"
    words = {
        "error": "had an error outside its own body",
        "skipped": "was skipped",
        "xfailed": "was expected to fail",
        "xpassed": "was expected to fail",
        "timeout": "did not end in time",
        "failed": "failed",
    }.get(reading.outcomes.get(first, ""), "did not run")
    if first not in reading.outcomes and run.timed_out:
        words = "did not run: the run took longer than its limit"
    elif first not in reading.outcomes and not run.finished:
        words = "did not run: the test process ended early"
    rest = f", and {len(failed) - 1} more" if len(failed) > 1 else ""
    why = (reading.words.get(first) or run.why_missing(first)).strip()
    return f"{kind} test {first} {words}{rest}" + (f":\n{why[-1500:]}" if why else "")


def verdict_without_diff(submission: Submission) -> Graded | None:
    """Return the verdict if nothing was submitted; `None` if there is work to grade."""
    if submission.ended == "submitted":
        return None
    verdict = "void" if submission.ended in INFRASTRUCTURE_ENDINGS else "failed"
    detail = f": {submission.detail}" if submission.detail else ""
    return Graded(verdict=verdict, reason=f"not submitted, {submission.ended.replace('_', ' ')}{detail}"[:2000])
