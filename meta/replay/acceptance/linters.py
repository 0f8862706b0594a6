"""The repository's own linters, formatters and type checker on what a change touches, with the base's configuration.

Only problems that the base did not have count. The tools run in the sandbox: some of them import what they look at.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from meta.replay.acceptance.change import Change
from meta.replay.acceptance.configured import CONFIGURATION, Tool
from meta.replay.acceptance.finding import Finding
from worker_agent.records import Environment
from worker_agent.sandbox import Job, Mount, Sandbox, SandboxLimits, run
from worker_agent.workspace import Template, apply_diff, open_workspace

SECONDS = 120.0
"""How long one tool may take."""

MOST_KNOWN = 500

Problems = Counter[tuple[str, str]]
"""File and words of each problem, and how often it was reported."""


@dataclass(frozen=True)
class Bench:
    """Where the tools run."""

    template: Template
    environment: Environment
    sandbox: Sandbox
    scratch: Path


def lint(change: Change, diff: str, tools: Sequence[Tool], bench: Bench) -> list[Finding]:
    """One finding a tool. The submission's workspace is opened only where a tool has something to look at."""
    after = {tool: [f.path for f in change.files if not f.removed and tool.wants(f.path)] for tool in tools}
    findings = [Finding(tool.name, "passed") for tool in tools if not after[tool]]
    wanted = [tool for tool in tools if after[tool]]
    if not wanted:
        return findings
    bench.scratch.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=bench.scratch, prefix="lint-", ignore_cleanup_errors=True) as folder:
        workspace = open_workspace(bench.template, Path(folder) / "workspace")
        apply_diff(workspace, diff)
        for file in change.files:
            if Path(file.path).name in CONFIGURATION:
                _put(workspace.root / file.path, file.before)
        for tool in wanted:
            before = tuple(f.path for f in change.files if not f.added and f.path in after[tool])
            old = _at_base(tool, before, bench) if before else Counter()
            findings.append(_finding(tool, old, _problems(tool, after[tool], workspace.root, bench)))
    return findings


def _finding(tool: Tool, old: Problems | None, now: Problems | None) -> Finding:
    if old is None:
        return Finding(tool.name, "void", "it does not run on the base")
    if now is None:
        return Finding(tool.name, "failed", "it runs on the base, and not on the submission")
    new = now - old
    if not new:
        return Finding(tool.name, "passed")
    (path, words), _ = next(iter(new.items()))
    more = f", and {new.total() - 1} more" if new.total() > 1 else ""
    return Finding(tool.name, "failed", f"{path}: {words}{more}")


_known: dict[tuple[Path, tuple[str, ...], str, tuple[str, ...]], Problems | None] = {}


def _at_base(tool: Tool, files: tuple[str, ...], bench: Bench) -> Problems | None:
    """What the base has to be reproached with: asked once, for submissions to one ticket touch the same files."""
    key = (bench.template.tree, bench.environment.path, tool.name, files)
    if key not in _known:
        if len(_known) > MOST_KNOWN:
            _known.clear()
        with tempfile.TemporaryDirectory(dir=bench.scratch, prefix="lint-", ignore_cleanup_errors=True) as folder:
            workspace = open_workspace(bench.template, Path(folder) / "workspace")
            _known[key] = _problems(tool, files, workspace.root, bench)
    return _known[key]


def _problems(tool: Tool, files: Sequence[str], root: Path, bench: Bench) -> Problems | None:
    """What a tool reports of these files; `None` where it did not run. The files are left as they were."""
    texts = {path: (root / path).read_bytes() for path in files}
    done = run(
        bench.sandbox,
        Job(
            # By the program, not by `python -m`, which would import a module of that name from the workspace.
            argv=[*tool.command, *files],
            workspace=root,
            mounts=[Mount(folder) for folder in bench.environment.mounts],
            path=bench.environment.path,
            variables=bench.environment.variables,
            limits=SandboxLimits(seconds=SECONDS),
        ),
    )
    if tool.problem:
        inside = bench.sandbox.workspace_path(root)
        found = Counter((m["file"].removeprefix(f"{inside}/"), m["words"]) for m in tool.problem.finditer(done.output))
        broken = done.timed_out or (done.returncode != 0 and not found)
    else:
        changed = [path for path, text in texts.items() if (root / path).read_bytes() != text]
        found = Counter((path, f"{tool.name} would write it otherwise") for path in changed)
        broken = done.timed_out or done.returncode != 0
        for path in changed:
            _put(root / path, texts[path])
    return None if broken else found


def _put(file: Path, text: bytes | None) -> None:
    if text is None:
        file.unlink(missing_ok=True)
    else:
        file.write_bytes(text)
