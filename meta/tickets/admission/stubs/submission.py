"""Makes a submission of stubs from the merged change."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from meta.environments.workshop import Bench
from meta.grading.grader import run_ticket_tests
from meta.languages.python.test_files import is_protected
from meta.languages.test_run import RunOptions
from meta.records.ticket import Ticket
from worker_agent.foreign_tree import read_regular_file, write_file
from worker_agent.submission_diff import apply_diff
from worker_agent.workspace import Workspace

_STUB_CODE = Path(__file__).with_name("stub_code.py")

KINDS = {
    "a stub that answers what the test compares with": True,
    "a stub that equals anything": False,
}
"""Each stub in words, and whether it reads the test."""


def find_passing_stub(ticket: Ticket, bench: Bench) -> str:
    """Return the stub that passes the deciding tests, in words; empty for none.

    Nothing but the tests and their altered copies is asked: what else would stop a stub stops this one only.
    """
    alone = ticket.with_grader(pass_to_pass=())
    for words, answers in KINDS.items():
        with bench.workspace("stub-") as workspace:
            apply_diff(workspace, ticket.gold or "")
            if not _put_stubs(workspace, bench.template.tree, answers):
                return ""
            run = run_ticket_tests(alone, workspace, bench, RunOptions(max_timeouts=1))
        outcomes = run.reading.outcomes if run.reading else {}
        if any(outcomes.get(test) != "passed" for test in alone.grader.fail_to_pass):
            continue
        if run.altered is None or not run.altered.unshaken:
            return words
    return ""


def _put_stubs(workspace: Workspace, base: Path, answers: bool) -> bool:
    """Put stubs in place of the functions that the merged change made or changed; return whether there are any."""
    stub, placed = _STUB_CODE.read_text("utf-8"), False
    for path in _python_files(workspace.root, base):
        before, after = read_regular_file(base, path) or b"", read_regular_file(workspace.root, path) or b""
        lines = [f"{name} = _stub({_lookup(name)}, {answers})" for name in _changed_functions(before, after)]
        if lines:
            text = after + f"\n\n\n{stub}\n\n{chr(10).join(lines)}\n".encode()
            write_file(workspace.root, path, text)
            placed = True
    return placed


def _python_files(root: Path, base: Path) -> Iterator[str]:
    """Yield the Python files that differ from the base, the tests apart."""
    for path in sorted(file.relative_to(root).as_posix() for file in root.rglob("*.py")):
        if not is_protected(path) and read_regular_file(root, path) != read_regular_file(base, path):
            yield path


def _lookup(name: str) -> str:
    owner, dot, method = name.rpartition(".")
    return f"{owner}.__dict__[{method!r}]" if dot else name


def _changed_functions(before: bytes, after: bytes) -> list[str]:
    """Return the functions and methods that are new or changed, by their qualified names.

    Where only private ones are, their public neighbours count too: the tests call those.
    """
    old, new = _functions(before), _functions(after)
    changed = [name for name, code in new.items() if old.get(name) != code]
    if changed and all(name.rpartition(".")[2].startswith("_") for name in changed):
        changed += [name for name in new if not name.rpartition(".")[2].startswith("_")]
    return [name for name in changed if not name.rpartition(".")[2].startswith("__")]


def _functions(source: bytes) -> dict[str, str]:
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError):
        return {}
    found = {}
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            found[node.name] = ast.dump(node)
        elif isinstance(node, ast.ClassDef):
            for inner in node.body:
                if isinstance(inner, ast.FunctionDef | ast.AsyncFunctionDef):
                    found[f"{node.name}.{inner.name}"] = ast.dump(inner)
    return found
