"""Which acceptance checks a ticket gets: those that its merged change passes, for only they say what was wanted."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

from meta.records import HiddenFile, ReviewCheck, Ticket
from meta.replay.acceptance.change import Change, change_in
from meta.replay.acceptance.checks import known, read, use_tools
from meta.replay.acceptance.linters import Bench
from meta.replay.acceptance.review import look
from meta.replay.overlay import lay_hidden
from worker_agent.workspace import apply_diff, open_workspace

SLOW = 10.0
"""Seconds above which a program is left out of the grader: it would run in every replay that passes the tests."""


def with_checks(ticket: Ticket, bench: Bench) -> Ticket:
    """The ticket whose grader holds every check that the merged change, its tests included, passes in good time."""
    change = _merged(ticket, bench)
    names = known(bench)
    found = [*read(names, change, ticket), *use_tools(names, change, bench)]
    passed = {finding.check for finding in found if finding.verdict == "passed" and finding.seconds < SLOW}
    return _with(ticket, checks=tuple(name for name in names if name in passed))


def with_review(ticket: Ticket, drafts: Iterable[ReviewCheck], bench: Bench) -> Ticket:
    """The ticket with those drafts that tell its two sides apart: the merged change passes, the rejected diff fails."""
    drafts = tuple(dict.fromkeys(drafts))
    if not drafts or ticket.rejected is None:
        return _with(ticket, review=())
    right, wrong = look(drafts, _merged(ticket, bench)), look(drafts, _changed(ticket.rejected, (), bench))
    pairs = zip(drafts, right, wrong, strict=True)
    return _with(ticket, review=tuple(c for c, r, w in pairs if r.verdict == "passed" and w.verdict == "failed"))


def _merged(ticket: Ticket, bench: Bench) -> Change:
    return _changed(ticket.gold or "", ticket.grader.hidden, bench)


def _changed(diff: str, hidden: Sequence[HiddenFile], bench: Bench) -> Change:
    bench.scratch.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=bench.scratch, prefix="merged-", ignore_cleanup_errors=True) as folder:
        workspace = open_workspace(bench.template, Path(folder) / "workspace")
        apply_diff(workspace, diff)
        lay_hidden(workspace.root, hidden)
        return change_in(workspace.root, bench.template.tree)


def _with(ticket: Ticket, **changed: object) -> Ticket:
    return ticket.model_copy(update={"grader": ticket.grader.model_copy(update=changed)})
