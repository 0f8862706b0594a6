"""Runs the repository's own linters and formatters on what a change touches.

The configuration is the base's, and only problems that the base did not have count. Of the submission, the tools see
its Python files and nothing else: all their settings, whatever the file's name, are the base's, and so are plugins that
lie in the repository. They run in the sandbox, because some import what they look at.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from meta.environments.workshop import Bench
from meta.grading.acceptance.configured_tools import ConfiguredTool, find_tool_plugins
from meta.grading.acceptance.finding import CheckResult
from meta.grading.acceptance.submission_change import SubmissionChange
from meta.grading.overlay import lay_hidden_files
from meta.records.ticket import HiddenFile
from worker_agent.foreign_tree import read_regular_file, write_file
from worker_agent.records import Environment
from worker_agent.sandbox.job import Mount, SandboxJob, SandboxLimits
from worker_agent.sandbox.process import run_job

LINTER_SECONDS = 120.0
"""How long one tool may take."""

MAX_CACHED_PROBLEMS = 500

ProblemCounts = Counter[tuple[str, str]]
"""File and words of each problem, and how often it was reported."""


def lint_change(change: SubmissionChange, tools: Sequence[ConfiguredTool], bench: Bench) -> list[CheckResult]:
    """Return what each tool finds.

    A workspace is opened only where a tool has something to look at. Raises `OSError` or `SandboxUnavailable` when this
    machine is at fault.
    """
    after = {tool: [f.path for f in change.files if not f.removed and tool.wants(f.path)] for tool in tools}
    findings = [CheckResult(tool.name, "passed") for tool in tools if not after[tool]]
    wanted = [tool for tool in tools if after[tool]]
    if not wanted:
        return findings
    with bench.workspace("lint-") as workspace:
        lay_hidden_files(workspace.root, _python_files_of(change))
        for path in dict.fromkeys(path for files in after.values() for path in files):
            # mypy thinks a file unchanged if its size and second are.
            os.utime(workspace.root / path, (1, 1), follow_symlinks=False)
        for tool in wanted:
            before = tuple(f.path for f in change.files if not f.added and f.path in after[tool])
            old = _find_base_problems(tool, before, bench) if before else Counter()
            begun = time.monotonic()
            now = _find_problems(tool, after[tool], workspace.root, bench)
            findings.append(_compare_problems(tool, old, now, time.monotonic() - begun))
    return findings


def _python_files_of(change: SubmissionChange) -> list[HiddenFile]:
    """Return the change's Python files, to be laid over the base.

    Plugins of the tools stay the base's.
    """
    return [
        HiddenFile(path=file.path, content=file.after, executable=bool(file.after and file.after.startswith(b"#!")))
        for file in change.files
        if PurePosixPath(file.path).suffix in (".py", ".pyi") and file.path not in find_tool_plugins(change.base)
    ]


def _compare_problems(
    tool: ConfiguredTool, old: ProblemCounts | None, now: ProblemCounts | None, seconds: float
) -> CheckResult:
    if old is None:
        return CheckResult(tool.name, "void", "it does not run on the base")
    if now is None:
        return CheckResult(tool.name, "failed", "it runs on the base, and not on the submission", seconds)
    new = now - old
    if not new:
        return CheckResult(tool.name, "passed", seconds=seconds)
    (path, words), _ = next(iter(new.items()))
    more = f", and {new.total() - 1} more" if new.total() > 1 else ""
    return CheckResult(tool.name, "failed", f"{path}: {words}{more}", seconds)


_known: dict[tuple[Path, tuple[str, ...], str, tuple[str, ...]], ProblemCounts | None] = {}


def _find_base_problems(tool: ConfiguredTool, files: tuple[str, ...], bench: Bench) -> ProblemCounts | None:
    """Return the base's problems, cached, since submissions touch the same files."""
    key = (bench.template.tree, _environment_of(tool, bench).path, tool.name, files)
    if key not in _known:
        if len(_known) > MAX_CACHED_PROBLEMS:
            _known.clear()
        with bench.workspace("lint-") as workspace:
            _known[key] = _find_problems(tool, files, workspace.root, bench, fill_cache=True)
    return _known[key]


def _find_problems(
    tool: ConfiguredTool, files: Sequence[str], root: Path, bench: Bench, *, fill_cache: bool = False
) -> ProblemCounts | None:
    """Return the problems that a tool finds in these files; `None` if it did not run.

    The files are left as they were.
    """
    texts = {path: read_regular_file(root, path) for path in files}
    environment = _environment_of(tool, bench)
    command, mounts = list(tool.command), [Mount(folder) for folder in environment.mounts]
    if tool.cache_option:
        kept = _cache_of(tool, bench)
        # Each submission gets a copy, so that no other ever reads what it writes there.
        folder = kept if fill_cache else Path(shutil.copytree(kept, root.parent / kept.name, symlinks=True))
        mounts.append(cache := Mount(folder, f"/tmp/{tool.name}-cache", writable=True))
        command.append(tool.cache_option + bench.sandbox.mount_path(cache))
    done = run_job(
        bench.sandbox,
        SandboxJob(
            # By the program, not by `python -m`, which would import a module of that name from the workspace.
            # A file may be called like an option, or like one with options in it.
            argv=[*command, *(f"./{path}" for path in files)],
            workspace=root,
            mounts=mounts,
            path=environment.path,
            variables=environment.variables,
            limits=SandboxLimits(seconds=LINTER_SECONDS),
        ),
    )
    if tool.problem:
        inside = f"{bench.sandbox.workspace_path(root)}/"
        lines = tool.problem.finditer(done.output)
        found = Counter((line["file"].removeprefix(inside).removeprefix("./"), line["words"]) for line in lines)
        broken = done.timed_out or (done.returncode != 0 and not found)
    else:
        changed = [path for path, text in texts.items() if read_regular_file(root, path) != text]
        found = Counter((path, f"{tool.name} would write it otherwise") for path in changed)
        broken = done.timed_out or done.returncode != 0
        for path in changed:
            write_file(root, path, texts[path] or b"")
    return None if broken else found


def _environment_of(tool: ConfiguredTool, bench: Bench) -> Environment:
    """Return the environment that a tool runs in: its own, otherwise the tests'."""
    return bench.environment.linters.get(tool.program, bench.environment)


def _cache_of(tool: ConfiguredTool, bench: Bench) -> Path:
    """Return the folder beside the template that caches a tool's work on this base."""
    environment = hashlib.sha256(repr(_environment_of(tool, bench).path).encode()).hexdigest()[:12]
    folder = bench.template.tree.parent / f"{tool.name}-{environment}"
    folder.mkdir(exist_ok=True)
    return folder
