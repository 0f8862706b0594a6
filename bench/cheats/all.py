"""All attacks, and how each is tried on both graders."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bench.cheats import diffs, escapes, naive, runner_patched, startup, tests_touched, this_grader, values_forged
from bench.cheats.attack import Attack, Escape, Place
from bench.cheats.naive import lay_out
from bench.cheats.ours import Judge
from bench.cheats.shop import BASE, GOLDS, RIGHT
from worker_agent.sandbox.job import Sandbox
from worker_agent.sandbox.unsandboxed import NoSandbox
from worker_agent.workspace import open_workspace

ATTACKS: tuple[Attack, ...] = (
    *tests_touched.ATTACKS,
    *startup.ATTACKS,
    *runner_patched.ATTACKS,
    *values_forged.ATTACKS,
    *this_grader.ATTACKS,
    *diffs.ATTACKS,
    *escapes.ATTACKS,
)


@dataclass(frozen=True)
class Outcome:
    """Whether an attack works naively, whether it works here, and what stopped it."""

    attack: Attack
    naive: bool
    scored: bool
    why: str


def outcome(attack: Attack, judge: Judge) -> Outcome:
    """Try an attack on both graders."""
    if isinstance(attack, Escape):
        with tempfile.TemporaryDirectory(prefix="escape-", ignore_cleanup_errors=True) as folder:
            works = attack.does(_naive_place(Path(folder)))
        with tempfile.TemporaryDirectory(prefix="escape-", dir=judge.root, ignore_cleanup_errors=True) as folder:
            scored = attack.does(_place(Path(folder), judge))
        return Outcome(attack, works, scored, "" if scored else attack.tries)
    graded = judge.submit(attack)
    return Outcome(attack, naive.passes(attack), graded.verdict == "passed", graded.reason.replace("\n", " "))


def golds(judge: Judge) -> dict[str, Callable[[], bool]]:
    """Return a check for every honest change, with pytest and with unittest tests."""

    def passes(name: str, kind: str) -> bool:
        return (
            judge.grade(judge.diff(GOLDS[name]), "unittest" if kind == "unittest" else "functions").verdict == "passed"
        )

    return {
        f"{name}, {kind}": lambda name=name, kind=kind: passes(name, kind)  # type: ignore[misc]
        for name in GOLDS
        for kind in ("functions", "unittest")
    }


def _around(folder: Path) -> Path:
    """Lay out what else a harness has on its disk, with the secret in many places."""
    outside = folder / "harness"
    for path in ("harness/secret.txt", "secret.txt", "other/secret.txt", "other/tree/secret.txt"):
        lay_out(folder, {path: f"{escapes.SECRET}\n"})
    return outside


def _naive_place(folder: Path) -> Place:
    """Return a plain clone beside other folders, without a sandbox.

    Its history contains the fix.
    """
    outside = _around(folder)
    tree = folder / "work" / "tree"
    lay_out(tree, BASE)
    from worker_agent.git import META_IDENTITY, run_git

    run_git("init", "-q", cwd=tree)
    for files, message in (({}, "base"), ({"calc.py": RIGHT}, f"the fix {escapes.SECRET}")):
        lay_out(tree, files)
        run_git("add", "-A", cwd=tree)
        run_git("commit", "-q", "-m", message, cwd=tree, env=META_IDENTITY)
    run_git("reset", "-q", "--hard", "HEAD^", cwd=tree)
    return Place(True, _leaky(), tree, outside)


def _place(folder: Path, judge: Judge) -> Place:
    outside = _around(folder)
    workspace = open_workspace(judge.template, folder / "work")
    shutil.copytree(judge.root / "templates", folder / "templates", symlinks=True)
    return Place(False, judge.sandbox, workspace.root, outside)


def _leaky() -> Sandbox:
    """Return no sandbox, with the parent's whole environment, as in most harnesses."""

    class Inheriting(NoSandbox):
        def command_line(self, job):  # type: ignore[no-untyped-def]
            return ["env", f"CANARY={escapes.SECRET}", *job.argv]

    return Inheriting()
