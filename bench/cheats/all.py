"""All attacks, and how each is tried on both graders."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from bench.cheats import (
    acceptance,
    bait_that_vanishes,
    bait_told_apart,
    configuration_kept,
    diffs,
    escapes,
    inside_the_judge,
    naive,
    no_bait,
    origin_by_name,
    pass_to_pass_faked,
    projects,
    runner_patched,
    selection,
    shapes_without_bait,
    startup,
    support_files,
    tests_touched,
    this_grader,
    values_forged,
)
from bench.cheats.attack import Attack, Escape, Place
from bench.cheats.naive import lay_out
from bench.cheats.ours import Judge
from bench.cheats.shop import BASE, CALC, CALC_UNITTEST, RIGHT
from worker_agent.sandbox.job import Sandbox
from worker_agent.sandbox.unsandboxed import NoSandbox
from worker_agent.workspace import open_workspace

CAUSES: Mapping[str, tuple[Attack, ...]] = {
    "tests touched": tests_touched.ATTACKS,
    "startup": startup.ATTACKS,
    "runner patched": runner_patched.ATTACKS,
    "values forged": values_forged.ATTACKS,
    "this grader": this_grader.ATTACKS,
    "diffs": diffs.ATTACKS,
    "escapes": escapes.ATTACKS,
    "bait told apart": bait_told_apart.ATTACKS,
    "bait that vanishes": bait_that_vanishes.ATTACKS,
    "shapes without bait": shapes_without_bait.ATTACKS,
    "PASS_TO_PASS faked": pass_to_pass_faked.ATTACKS,
    "inside the judge": inside_the_judge.ATTACKS,
    "configuration kept": configuration_kept.ATTACKS,
    "origin by name": origin_by_name.ATTACKS,
    "support files": support_files.ATTACKS,
    "test selection": selection.ATTACKS,
    "acceptance": acceptance.ATTACKS,
    "no bait at all": no_bait.ATTACKS,
}
"""All attacks, by the cause that each of them uses."""

ATTACKS = tuple(attack for attacks in CAUSES.values() for attack in attacks)

PROJECTS = (CALC, CALC_UNITTEST, *projects.PROJECTS)
"""All projects that are attacked. Each has honest changes, which must pass."""


@dataclass(frozen=True)
class Outcome:
    """Whether an attack works naively, whether it works here, and what stopped it."""

    attack: Attack
    naive: bool
    scored: bool
    why: str
    broken: bool = False
    """Whether nothing but a void replay or an error of ours stopped it."""


def outcome(attack: Attack, judge: Judge) -> Outcome:
    """Try an attack on both graders."""
    if isinstance(attack, Escape):
        with tempfile.TemporaryDirectory(prefix="escape-", ignore_cleanup_errors=True) as folder:
            works = attack.does(_naive_place(Path(folder)))
        with tempfile.TemporaryDirectory(prefix="escape-", dir=judge.root, ignore_cleanup_errors=True) as folder:
            scored = attack.does(_place(Path(folder), judge))
        return Outcome(attack, works, scored, "" if scored else attack.tries)
    result = judge.submit(attack)
    return Outcome(attack, naive.passes(attack), result.scored, result.why, result.broken)


def golds(judge: Judge) -> dict[str, Callable[[], bool]]:
    """Return a check for every honest change to every project."""
    return {
        f"{name}, {project.name}": partial(judge.passes, project, files)
        for project in PROJECTS
        for name, files in project.golds.items()
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
    shutil.copytree(judge.desk(CALC).root / "templates", folder / "templates", symlinks=True)
    return Place(False, judge.sandbox, workspace.root, outside)


def _leaky() -> Sandbox:
    """Return no sandbox, with the parent's whole environment, as in most harnesses."""

    class Inheriting(NoSandbox):
        def command_line(self, job):  # type: ignore[no-untyped-def]
            return ["env", f"CANARY={escapes.SECRET}", *job.argv]

    return Inheriting()
