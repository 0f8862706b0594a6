"""The judge of a submission: a second workspace, the tests out of its hands, and a verdict written outside.

The verdict is made here, in a process that never imports code of the repository. It rests on reports from the test
process, which the code under test shares; what is done so that it cannot speak for the tests is in `watch.py`.
"""

from __future__ import annotations

import re
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from meta.disk.free_space import guard_free_space
from meta.grading.acceptance.checks import read_change, run_tools
from meta.grading.acceptance.finding import CheckResult
from meta.grading.acceptance.linter_run import LinterBench
from meta.grading.acceptance.submission_change import compare_with_base
from meta.grading.overlay import lay_hidden_files, restore_protected
from meta.grading.runner_access import choose_alarms, find_runner_access
from meta.languages.junit.junit_run import WEAKER_VERDICT_NOTE, run_junit
from meta.languages.python.bait import lay_bait
from meta.languages.python.pytest_run import run_pytest
from meta.languages.test_run import RunReading, TestRun
from meta.records.replay import MACHINE_FAULT, Graded, Verdict
from meta.records.ticket import Grader, Ticket
from worker_agent.records import INFRASTRUCTURE_ENDINGS, Environment, Submission
from worker_agent.sandbox.job import Sandbox, SandboxLimits, SandboxUnavailable
from worker_agent.submission_diff import RefusedDiff, apply_diff
from worker_agent.workspace import Template, open_workspace

_LINK = re.compile(r"^(?:new file mode|new mode) (120000|160000)$", re.MULTILINE)


MAX_TIMEOUTS = 2
"""Tests that took too long before a submission is given up: the verdict stands, and each further one costs as much."""


@dataclass(frozen=True)
class Examination:
    """A verdict with what it was made from; both are `None` where no test could be run."""

    graded: Graded
    run: TestRun | None = None
    reading: RunReading | None = None


def grade_submission(
    ticket: Ticket,
    diff: str,
    *,
    template: Template,
    environment: Environment,
    sandbox: Sandbox,
    scratch: Path,
    limits: SandboxLimits | None = None,
) -> Graded:
    """Judge one submission (a diff against the ticket's base). `scratch` is a folder for the second workspace.

    `void` means that nothing was learnt about the submission, and is never its own doing: from the moment the test
    process has its orders, however it ends is the submission's affair.
    """
    return examine_submission(
        ticket,
        diff,
        template=template,
        environment=environment,
        sandbox=sandbox,
        scratch=scratch,
        limits=limits,
        hangs=MAX_TIMEOUTS,
    ).graded


def examine_submission(
    ticket: Ticket,
    diff: str,
    *,
    template: Template,
    environment: Environment,
    sandbox: Sandbox,
    scratch: Path,
    limits: SandboxLimits | None = None,
    hangs: int | None = None,
    reverse: bool = False,
) -> Examination:
    """As `grade`, with the outcome of every test, or of those up to so many `hangs`. `reverse` runs them backwards."""
    begun = time.monotonic()

    def verdict(word: Verdict, reason: str, **more: Any) -> Graded:
        return Graded.model_validate({"verdict": word, "reason": reason, "seconds": time.monotonic() - begun, **more})

    grader = ticket.grader
    if not grader.fail_to_pass:
        return Examination(verdict("void", f"ticket {ticket.id} has no FAIL_TO_PASS test to decide by"))
    if link := _LINK.search(diff):
        kind = "a symbolic link" if link[1] == "120000" else "a submodule"
        return Examination(verdict("failed", f"the submission holds {kind}"))
    scratch.mkdir(parents=True, exist_ok=True)
    run = reading = None
    try:
        with tempfile.TemporaryDirectory(dir=scratch, prefix="grade-", ignore_cleanup_errors=True) as folder:
            workspace = open_workspace(template, Path(folder) / "workspace")
            try:
                apply_diff(workspace, diff)
            except RefusedDiff as refused:
                return Examination(verdict("failed", f"the submission does not apply: {refused}"))
            looked_at = diff.strip() or grader.checks or grader.review
            change = compare_with_base(workspace.root, template.tree) if looked_at else None
            restore_protected(workspace.root, template.tree)
            with guard_free_space(workspace.root):
                if grader.junit:
                    run, reading = run_junit(
                        workspace.root,
                        template.tree,
                        grader.junit,
                        environment=environment,
                        sandbox=sandbox,
                        hidden=grader.hidden,
                        seconds=grader.seconds,
                        limits=limits,
                    )
                else:
                    secret = lay_bait(grader, workspace.root, choose_alarms(template.tree, ticket))
                    lay_hidden_files(workspace.root, grader.hidden, secret.appended)
                    run = run_pytest(
                        workspace.root,
                        test_files_of(grader),
                        environment=environment,
                        sandbox=sandbox,
                        wanted=[*grader.fail_to_pass, *grader.pass_to_pass],
                        seconds=grader.seconds,
                        test_seconds=grader.test_seconds,
                        watch=secret.watch,
                        hangs=hangs,
                        reverse=reverse,
                        limits=limits,
                    )
                    reading = secret.read(run) if run.started else None
        if not run.started and grader.junit and reading and ticket.gold and diff != ticket.gold:
            # Who ends the command early must not make it void by that: the merged change shows whose doing it is.
            gold = examine_submission(
                ticket,
                ticket.gold,
                template=template,
                environment=environment,
                sandbox=sandbox,
                scratch=scratch,
                limits=limits,
            )
            if gold.run and gold.run.started:
                reason = "the run left no report, and the merged change does"
                failed = (*grader.fail_to_pass, *grader.pass_to_pass)
                return Examination(verdict("failed", reason, tests="failed", failed=failed), run, reading)
        if not run.started or reading is None:
            words = run.output.strip()[-500:] or "it said nothing"
            return Examination(verdict("void", f"the tests never started: {words}", tests="void"), run)
        tests, reason, failed = _by_the_tests(grader, run, reading)
        if tests == "passed" and change and (reached := find_runner_access(change, ticket)):
            tests, reason = "failed", f"the submission reaches for what runs its tests: {reached}"
        findings = read_change(grader.checks, change, ticket) if change else []
        # A program of the repository's choice may take seconds; where the tests failed, nothing depends on it.
        if change and tests == "passed":
            bench = LinterBench(template, environment, sandbox, scratch)
            findings += run_tools(grader.checks, change, bench)
    except SandboxUnavailable as missing:
        return Examination(verdict("void", str(missing)), run, reading)
    except OSError as trouble:  # a full disk, no more processes: the machine's fault
        return Examination(verdict("void", f"{MACHINE_FAULT} could not grade: {trouble}"), run, reading)
    return Examination(combine_verdicts(verdict, tests, reason, failed, findings), run, reading)


def _by_the_tests(grader: Grader, run: TestRun, reading: RunReading) -> tuple[Verdict, str, tuple[str, ...]]:
    """What the tests say, why, and which of them did not pass."""
    tests = (*grader.fail_to_pass, *grader.pass_to_pass)
    if failed := tuple(test for test in tests if reading.outcomes.get(test) != "passed"):
        return "failed", reading.distrust if run.patched else _reason(failed, reading, grader, run), failed
    if reading.distrust:
        return "failed", reading.distrust, ()
    words = f"{len(grader.fail_to_pass)} FAIL_TO_PASS and {len(grader.pass_to_pass)} PASS_TO_PASS tests pass"
    return "passed", words + (WEAKER_VERDICT_NOTE if grader.junit else ""), ()


def combine_verdicts(
    verdict: Callable[..., Graded],
    tests: Verdict,
    reason: str,
    failed: tuple[str, ...],
    findings: Sequence[CheckResult],
) -> Graded:
    """One verdict of both parts, which stay apart in it."""
    objections = tuple(f"{f.check}: {f.reason}" for f in findings if f.verdict == "failed")
    counted = [f for f in findings if f.verdict != "void"]
    acceptance: Verdict | None = "failed" if objections else "passed" if counted else None
    word: Verdict = "passed" if tests == "passed" and not objections else "failed"
    if tests == "passed" and objections:
        reason = "it passes the tests, but would not be merged as it is: " + "; ".join(objections)
    elif objections:
        reason += "\nbesides, " + "; ".join(objections)
    return verdict(word, reason, failed=failed, tests=tests, acceptance=acceptance, objections=objections)


def test_files_of(grader: Grader) -> list[str]:
    """The files to hand to pytest: those that the ticket names, else those of its test ids."""
    ids = [*grader.fail_to_pass, *grader.pass_to_pass]
    return list(grader.test_files or dict.fromkeys(test.split("::")[0] for test in ids))


def _reason(failed: tuple[str, ...], reading: RunReading, grader: Grader, run: TestRun) -> str:
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
    """The verdict on a run that handed nothing in; `None` when there is something to grade."""
    if submission.ended == "submitted":
        return None
    verdict = "void" if submission.ended in INFRASTRUCTURE_ENDINGS else "failed"
    detail = f": {submission.detail}" if submission.detail else ""
    return Graded(verdict=verdict, reason=f"not submitted, {submission.ended.replace('_', ' ')}{detail}"[:2000])
