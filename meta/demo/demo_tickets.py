"""Reads the demo's tickets from the project's history: merged changes with their tests.

A ticket's brief is in its change file; everything that grades it is taken from git, as for any repository.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from meta.demo.change_file import read_demo_changes
from meta.demo.folders import DemoFolders
from meta.demo.git_objects import read_diffs
from meta.demo.past import AGENT_PERSON, TICKET_TRAILER
from meta.records.ticket import EnvironmentSpec, Grader, HiddenFile, Ticket
from worker_agent.git import read_blobs, run_git

DEMO_ENVIRONMENT = EnvironmentSpec(project=False, checks=("python -I -S -m compileall -q src",))
"""The library has no dependencies and pytest finds it by `pythonpath`, so `meta`'s own interpreter is enough. The check
starts it bare, which takes a third of the time."""

_TRAILER = re.compile(rf"^{TICKET_TRAILER}: (\S+)$", re.MULTILINE)


@dataclass(frozen=True)
class _Commit:
    sha: str
    parent: str


def read_demo_tickets(folders: DemoFolders) -> list[Ticket]:
    """Return a ticket for each pull request of the agent whose fix added tests, in order."""
    project = folders.project
    fixes = _by_ticket(project, "--first-parent", "main")
    handed_in = _by_ticket(project, "--all", f"--author={AGENT_PERSON.email}")
    known = [(change, fixes[change.ticket], handed_in[change.ticket]) for change in read_demo_changes()]
    gold = read_diffs(project, [(fix.parent, fix.sha) for _, fix, _ in known], ":(exclude)tests")
    rejected = read_diffs(project, [(mine.parent, mine.sha) for _, _, mine in known])
    graders = _graders(project, [fix for _, fix, _ in known])
    return [
        Ticket(
            id=change.ticket,
            title=change.title,
            body=change.body,
            repo=str(project),
            base_commit=fix.parent,
            grader=grader,
            gold=patch,
            rejected=None if change.outcome == "merged" else turned_down,
            environment=DEMO_ENVIRONMENT,
            labels=(change.theme, change.area),
            source=f"pr:{change.number}",
            fix_commit=fix.sha,
        )
        for (change, fix, _), patch, turned_down, grader in zip(known, gold, rejected, graders, strict=True)
        if grader.fail_to_pass
    ]


def write_demo_tickets(folders: DemoFolders) -> None:
    """Write the tickets as JSONL, one a line, for `meta tickets add`."""
    folders.tickets.write_text(
        "".join(f"{ticket.model_dump_json()}\n" for ticket in read_demo_tickets(folders)), "utf-8"
    )


def _by_ticket(project: Path, *which: str) -> dict[str, _Commit]:
    """Return the newest of these commits for each ticket that they name."""
    found: dict[str, _Commit] = {}
    for entry in run_git("log", "--format=%H %P%n%B%x00", *which, cwd=project).split("\0"):
        head, _, message = entry.lstrip("\n").partition("\n")
        if named := _TRAILER.search(message):
            sha, parent, *_ = head.split()
            found.setdefault(named[1], _Commit(sha, parent))
    return found


def _graders(project: Path, fixes: list[_Commit]) -> Iterator[Grader]:
    """Yield graders: a fix's new tests must pass after it, and older ones still."""
    files = run_git("ls-tree", "-r", "--name-only", "main", "tests", cwd=project).split()
    names = [f"{commit}:{path}" for fix in fixes for commit in (fix.parent, fix.sha) for path in files]
    texts = dict(zip(names, read_blobs(project, names), strict=True))
    for fix in fixes:
        before = {path: texts[f"{fix.parent}:{path}"] for path in files}
        after = {path: texts[f"{fix.sha}:{path}"] for path in files}
        known = {test for path in files for test in _tests(path, before[path])}
        now = [test for path in files for test in _tests(path, after[path])]
        yield Grader(
            fail_to_pass=tuple(test for test in now if test not in known),
            pass_to_pass=tuple(test for test in now if test in known),
            hidden=tuple(HiddenFile(path=p, content=after[p]) for p in files if after[p] != before[p]),
            test_files=tuple(path for path in files if after[path] is not None),
            seconds=60,
            test_seconds=10,
        )


def _tests(path: str, text: bytes | None) -> list[str]:
    """Return the node ids of a test file, which has neither parameters nor classes."""
    body = ast.parse(text or b"").body
    return [f"{path}::{node.name}" for node in body if isinstance(node, ast.FunctionDef) and node.name[:5] == "test_"]
