"""Which acceptance checks a ticket gets: those that its merged change passes, for only they say what was wanted."""

from __future__ import annotations

import tempfile
from pathlib import Path

from meta.records import Ticket
from meta.replay.acceptance.change import change_in
from meta.replay.acceptance.checks import known, read, use_tools
from meta.replay.acceptance.finding import Finding
from meta.replay.acceptance.linters import Bench
from meta.replay.overlay import lay_hidden
from worker_agent.workspace import apply_diff, open_workspace

SLOW = 10.0
"""Seconds above which a program is left out of the grader: it would run in every replay that passes the tests."""


def with_checks(ticket: Ticket, bench: Bench) -> Ticket:
    """The ticket whose grader holds every check that the merged change, its tests included, passes in good time."""
    found = on_merged(ticket, bench)
    passed = tuple(finding.check for finding in found if finding.verdict == "passed" and finding.seconds < SLOW)
    return ticket.model_copy(update={"grader": ticket.grader.model_copy(update={"checks": passed})})


def on_merged(ticket: Ticket, bench: Bench) -> list[Finding]:
    """What every check that can be made here finds in the merged change."""
    bench.scratch.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=bench.scratch, prefix="merged-", ignore_cleanup_errors=True) as folder:
        workspace = open_workspace(bench.template, Path(folder) / "workspace")
        apply_diff(workspace, ticket.gold or "")
        lay_hidden(workspace.root, ticket.grader.hidden)
        change = change_in(workspace.root, bench.template.tree)
    names = known(bench)
    return [*read(names, change, ticket), *use_tools(names, change, bench)]
