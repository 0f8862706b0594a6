"""Finds out how hard a ticket is to pass without solving it, and protects what its tests need."""

from __future__ import annotations

import re
from collections.abc import Iterator
from glob import escape
from pathlib import PurePosixPath

from meta.environments.workshop import Bench
from meta.languages.python.test_files import is_protected
from meta.languages.test_run import RunOptions
from meta.project import Report
from meta.records.ticket import Ticket
from meta.tickets.admission.quarantine import NotAdmissible, examine_diff
from meta.tickets.admission.stubs.submission import find_passing_stub
from worker_agent.foreign_tree import read_regular_file

ALTERED_RUNS = 2
"""How often altered tests are drawn and run with the merged change."""

_TOUCHED = re.compile(r"^diff --git a/(.+?) b/", re.MULTILINE)


def prove_hardness(ticket: Ticket, bench: Bench, report: Report, *, keep_weak: bool) -> Ticket:
    """Return the ticket with what its tests need protected, and its weakness named.

    Altered tests must fail with the merged change, and stubs must fail the ticket. Raises `NotAdmissible` for one that
    a stub passes, unless weak ones are kept.
    """
    if ticket.grader.junit:
        return ticket.with_grader(weak="its JUnit report could be forged by the code under test")
    report("altered tests, which the gold change must fail")
    ticket = _name_unaltered(ticket, bench)
    report("stubs, which must fail")
    if not (stub := find_passing_stub(ticket, bench)):
        return ticket.with_grader(weak="")
    if not keep_weak:
        raise NotAdmissible(f"hackable: {stub} passes its tests")
    return ticket.with_grader(weak=f"{stub} passes its tests")


def _name_unaltered(ticket: Ticket, bench: Bench) -> Ticket:
    """Return the ticket with the tests that no alteration makes fail, and the files that its tests read."""
    shaken, unshaken, read = set[str](), set[str](), tuple[str, ...]()
    for number in range(ALTERED_RUNS):
        asked = ticket.with_grader(pass_to_pass=()) if number else ticket
        run = examine_diff(asked, ticket.gold or "", bench, RunOptions(trace=not number)).run
        read = read or (run.files_read if run else ())
        if run is None or run.altered is None:
            break
        shaken |= set(run.altered.shaken)
        unshaken |= set(run.altered.unshaken)
    unaltered = [test for test in ticket.grader.fail_to_pass if test not in shaken]
    unaltered += [test for test in ticket.grader.pass_to_pass if test in unshaken]
    protected = tuple(dict.fromkeys((*ticket.grader.protected, *map(escape, _needed(ticket, read, bench)))))
    return ticket.with_grader(unaltered=tuple(unaltered), protected=protected)


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
