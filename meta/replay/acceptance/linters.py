"""The repository's own linters, formatters and type checker on what a change touches, with the base's configuration.

Only problems that the base did not have count. Of the submission, the tools see its Python files and nothing else:
whatever steers them, under whichever name, is the base's. They run in the sandbox: some import what they look at.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from meta.records import HiddenFile
from meta.replay.acceptance.change import Change
from meta.replay.acceptance.configured import Tool
from meta.replay.acceptance.finding import Finding
from meta.replay.overlay import lay_hidden
from worker_agent.records import Environment
from worker_agent.sandbox import Job, Mount, Sandbox, SandboxLimits, run
from worker_agent.workspace import Template, open_workspace

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


def lint(change: Change, tools: Sequence[Tool], bench: Bench) -> list[Finding]:
    """One finding a tool. A workspace is opened only where a tool has something to look at."""
    after = {tool: [f.path for f in change.files if not f.removed and tool.wants(f.path)] for tool in tools}
    findings = [Finding(tool.name, "passed") for tool in tools if not after[tool]]
    wanted = [tool for tool in tools if after[tool]]
    if not wanted:
        return findings
    bench.scratch.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=bench.scratch, prefix="lint-", ignore_cleanup_errors=True) as folder:
        workspace = open_workspace(bench.template, Path(folder) / "workspace")
        lay_hidden(workspace.root, _python(change))
        for path in dict.fromkeys(path for files in after.values() for path in files):
            os.utime(workspace.root / path, (1, 1))  # mypy takes a file of equal size and second for the one it knows
        for tool in wanted:
            before = tuple(f.path for f in change.files if not f.added and f.path in after[tool])
            old = _at_base(tool, before, bench) if before else Counter()
            begun = time.monotonic()
            now = _problems(tool, after[tool], workspace.root, bench)
            findings.append(_finding(tool, old, now, time.monotonic() - begun))
    return findings


def _python(change: Change) -> list[HiddenFile]:
    """The change's Python files, as files to be laid over the base."""
    return [
        HiddenFile(path=file.path, content=file.after, executable=bool(file.after and file.after.startswith(b"#!")))
        for file in change.files
        if PurePosixPath(file.path).suffix in (".py", ".pyi")
    ]


def _finding(tool: Tool, old: Problems | None, now: Problems | None, seconds: float) -> Finding:
    if old is None:
        return Finding(tool.name, "void", "it does not run on the base")
    if now is None:
        return Finding(tool.name, "failed", "it runs on the base, and not on the submission", seconds)
    new = now - old
    if not new:
        return Finding(tool.name, "passed", seconds=seconds)
    (path, words), _ = next(iter(new.items()))
    more = f", and {new.total() - 1} more" if new.total() > 1 else ""
    return Finding(tool.name, "failed", f"{path}: {words}{more}", seconds)


_known: dict[tuple[Path, tuple[str, ...], str, tuple[str, ...]], Problems | None] = {}


def _at_base(tool: Tool, files: tuple[str, ...], bench: Bench) -> Problems | None:
    """What the base has to be reproached with: asked once, for submissions to one ticket touch the same files."""
    key = (bench.template.tree, _around(tool, bench).path, tool.name, files)
    if key not in _known:
        if len(_known) > MOST_KNOWN:
            _known.clear()
        with tempfile.TemporaryDirectory(dir=bench.scratch, prefix="lint-", ignore_cleanup_errors=True) as folder:
            workspace = open_workspace(bench.template, Path(folder) / "workspace")
            _known[key] = _problems(tool, files, workspace.root, bench, fill_cache=True)
    return _known[key]


def _problems(
    tool: Tool, files: Sequence[str], root: Path, bench: Bench, *, fill_cache: bool = False
) -> Problems | None:
    """What a tool reports of these files; `None` where it did not run. The files are left as they were."""
    texts = {path: (root / path).read_bytes() for path in files}
    environment = _around(tool, bench)
    command, mounts = list(tool.command), [Mount(folder) for folder in environment.mounts]
    if tool.cache_option:
        kept = _cache_of(tool, bench)
        # A submission has a copy of its own: what it writes there, no other ever reads.
        folder = kept if fill_cache else Path(shutil.copytree(kept, root.parent / kept.name))
        mounts.append(cache := Mount(folder, f"/tmp/{tool.name}-cache", writable=True))
        command.append(tool.cache_option + bench.sandbox.mounted(cache))
    done = run(
        bench.sandbox,
        Job(
            # By the program, not by `python -m`, which would import a module of that name from the workspace.
            argv=[*command, *files],
            workspace=root,
            mounts=mounts,
            path=environment.path,
            variables=environment.variables,
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
            (root / path).write_bytes(texts[path])
    return None if broken else found


def _around(tool: Tool, bench: Bench) -> Environment:
    """What a tool runs in: an environment of its own where it has one, else the tests'."""
    return bench.environment.linters.get(tool.program, bench.environment)


def _cache_of(tool: Tool, bench: Bench) -> Path:
    """A folder beside the template: what the tool found out about this base, in this environment."""
    environment = hashlib.sha256(repr(_around(tool, bench).path).encode()).hexdigest()[:12]
    folder = bench.template.tree.parent / f"{tool.name}-{environment}"
    folder.mkdir(exist_ok=True)
    return folder
