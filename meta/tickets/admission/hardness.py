"""Finds out how hard a ticket is to pass without solving it, and protects what its tests need."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from glob import escape
from pathlib import PurePosixPath

from meta.environments.workshop import Bench
from meta.languages.python.test_files import is_protected
from meta.languages.test_run import TestRun
from meta.project import Report
from meta.records.ticket import Ticket
from meta.tickets.admission.quarantine import NotAdmissible
from meta.tickets.admission.stubs.submission import find_passing_stub
from worker_agent.foreign_tree import read_regular_file

_TOUCHED = re.compile(r"^diff --git a/(.+?) b/", re.MULTILINE)


def prove_hardness(ticket: Ticket, runs: Sequence[TestRun], bench: Bench, report: Report, *, keep_weak: bool) -> Ticket:
    """Return the ticket with what its tests need protected, and its weakness named.

    `runs` are those that the merged change passed: the altered tests beside them must have failed. Stubs must fail the
    ticket. Raises `NotAdmissible` for one that a stub passes, unless weak ones are kept.
    """
    if ticket.grader.junit:
        return ticket.with_grader(weak="its JUnit report could be forged by the code under test")
    protected = (*ticket.grader.protected, *map(escape, _needed(ticket, runs[0].files_read, bench)))
    ticket = ticket.with_grader(unaltered=_list_unaltered(ticket, runs), protected=tuple(dict.fromkeys(protected)))
    report("stubs, which must fail")
    if not (stub := find_passing_stub(ticket, bench)):
        return ticket.with_grader(weak="")
    if not keep_weak:
        raise NotAdmissible(f"hackable: {stub} passes its tests")
    return ticket.with_grader(weak=f"{stub} passes its tests")


def _list_unaltered(ticket: Ticket, runs: Sequence[TestRun]) -> tuple[str, ...]:
    """Return the tests that no alteration made fail."""
    altered = [run.altered for run in runs if run.altered]
    shaken = {test for run in altered for test in run.shaken}
    unshaken = {test for run in altered for test in run.unshaken}
    never = [test for test in ticket.grader.fail_to_pass if test not in shaken]
    return (*never, *(test for test in ticket.grader.pass_to_pass if test in unshaken))


def _needed(ticket: Ticket, read: tuple[str, ...], bench: Bench) -> Iterator[str]:
    """Yield files of the base that the tests read and that are no part of the code that the change touches."""
    touched = set(_TOUCHED.findall(ticket.gold or ""))
    packages = {parent for path in touched for parent in PurePosixPath(path).parents if parent.name}
    for path in read:
        inside = any(parent in packages for parent in PurePosixPath(path).parents)
        if path in touched or is_protected(path) or path == "pyproject.toml" or (inside and path.endswith(".py")):
            continue
        if read_regular_file(bench.template.tree, path) is not None:
            yield path
