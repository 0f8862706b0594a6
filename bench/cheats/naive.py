"""The naive grader.

It puts the submission into the same tree as the tests, runs `python -m pytest`, and trusts the result.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import venv
import xml.etree.ElementTree as xml
from pathlib import Path

from bench.cheats.attack import Submission
from bench.cheats.project import Files
from bench.cheats.shop import HIDDEN, RIGHT

SECONDS = 60.0


def passes(attack: Submission) -> bool:
    """Whether the naive grader that the attack is aimed at lets it pass."""
    with tempfile.TemporaryDirectory(prefix="naive-", ignore_cleanup_errors=True) as folder:
        tree = Path(folder) / "tree"
        lay_out(tree, attack.project.base)
        lay_out(tree, attack.project.hidden)
        if attack.diff is None:
            lay_out(tree, attack.files)
        else:
            outside = put_outside(Path(folder))
            # GNU patch and git refuse dangerous diffs; many harnesses apply diffs with a few lines of code instead.
            _apply(tree, attack.diff(outside))
        return _run(attack, tree)


def lay_out(tree: Path, files: Files) -> None:
    for path, text in files.items():
        target = tree / path
        if text is None:
            target.unlink()
        else:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(text.encode() if isinstance(text, str) else text)


def put_outside(folder: Path) -> Path:
    """Lay out a harness's own files: the solution and the hidden tests."""
    outside = folder / "harness"
    lay_out(outside, {"solution.py": RIGHT, "package/__init__.py": RIGHT})
    lay_out(folder / "hidden", {"test_calc.py": HIDDEN})
    return outside


def _run(attack: Submission, tree: Path) -> bool:
    tests: tuple[str, ...] = attack.project.shown_to
    if attack.diff is not None and "hidden/" in attack.diff(tree.parent / "harness"):
        tests = ("../hidden",)
    python = sys.executable
    environment = {
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), "/usr/bin", "/bin"]),
        "HOME": str(tree.parent),
        "TMPDIR": str(tree.parent),
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "" if attack.project.plugins else "1",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    if attack.beats == "venv in the tree":
        venv.create(tree / ".venv", with_pip=False, symlinks=True)
        python = str(tree / ".venv" / "bin" / "python")
        environment["PYTHONPATH"] = os.pathsep.join(p for p in sys.path if p.endswith("site-packages"))
    command = [python, "-m", "pytest", "-q", "--junitxml=junit.xml", *tests]
    if attack.project.command:
        command = ["sh", "-c", attack.project.command]
    if attack.beats == "run_tests.sh":
        command = ["sh", "run_tests.sh"]
    done = subprocess.run(
        command, cwd=tree, env=environment, capture_output=True, text=True, timeout=SECONDS, check=False
    )
    if attack.beats == "summary":
        return bool(re.search(r"\d+ passed", (done.stdout.strip().splitlines() or [""])[-1]))
    if attack.beats == "junit":
        return _junit_says_passed(tree / "junit.xml")
    return done.returncode == 0


def _junit_says_passed(file: Path) -> bool:
    import time

    time.sleep(0.8)  # a harness collects its files a little later
    try:
        cases = xml.parse(file).getroot().iter("testcase")
    except (OSError, xml.ParseError):
        return False
    return any(case.get("name") == "test_add" and not list(case) for case in cases)


def _apply(tree: Path, diff: str) -> None:
    """Apply a diff as a simple harness does: replace hunks as text, create any link."""
    for part in re.split(r"^diff --git ", diff, flags=re.M)[1:]:
        old = re.search(r"^--- (?:a/)?(.*)$", part, re.M)
        new = re.search(r"^\+\+\+ (?:b/)?(.*)$", part, re.M)
        assert old is not None
        assert new is not None
        hunk = [line for line in part.partition("\n@@")[2].splitlines()[1:] if not line.startswith("\\")]
        before = "\n".join(line[1:] for line in hunk if line[:1] in (" ", "-"))
        after = "\n".join(line[1:] for line in hunk if line[:1] in (" ", "+"))
        if new[1] == "/dev/null":
            (tree / old[1]).unlink()
        elif "120000" in part:
            (tree / new[1]).symlink_to(after)
        else:
            target = tree / new[1]
            target.write_text(target.read_text().replace(before, after))
