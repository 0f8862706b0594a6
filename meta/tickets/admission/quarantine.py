"""Grades trial runs, and says why a ticket cannot be admitted."""

from __future__ import annotations

from meta.environments.workshop import Bench
from meta.grading.grader import Examination, examine_submission
from meta.languages.test_run import RunOptions
from meta.records.replay import MACHINE_FAULT
from meta.records.ticket import Ticket
from worker_agent.machine_error import MachineError

RUN_ATTEMPTS = 2
"""How often a run is tried if it ends early or before its tests begin: something may have killed it."""


class NotAdmissible(Exception):
    """A ticket cannot be replayed; the message says why, for a person."""


def examine_diff(ticket: Ticket, diff: str, bench: Bench, options: RunOptions = RunOptions()) -> Examination:
    """Grade one diff of a ticket that is being tried.

    Raises `NotAdmissible` when nothing could be learnt, and `MachineError` when this machine is at fault.
    """
    for _ in range(RUN_ATTEMPTS):
        examined = examine_submission(ticket, diff, bench, options)
        run = examined.run
        ended_early = run is not None and run.started and not run.finished and not run.timed_out
        if examined.graded.verdict != "void" and not ended_early:
            return examined
    reason = examined.graded.reason
    if examined.graded.verdict != "void":
        return examined
    if reason.startswith(MACHINE_FAULT):
        raise MachineError(reason.removeprefix(MACHINE_FAULT).strip())
    raise NotAdmissible(f"its tests could not be run: {reason}")
