"""Changes to what the tests need and what lies outside their folder."""

from __future__ import annotations

from bench.cheats.attack import Submission
from bench.cheats.project import Files
from bench.cheats.projects.other_shapes import COMMAND
from bench.cheats.projects.support import BY_EXAMPLES, BY_FACTORY, BY_GOLDEN, BY_JSON, BY_LIMITS, BY_MODULE, BY_PROGRAM
from bench.cheats.shop import WRONG


def _before(code: str) -> Files:
    return {"calc.py": code + WRONG}


_OPENED = """\
import pathlib

read = pathlib.Path.read_text


def reading(self, *args, **more):
    return read(self, *args, **more).replace("= 5", "= -1")


pathlib.Path.read_text = reading
"""

_WRITTEN = """\
from pathlib import Path

(Path(__file__).parent / "golden" / "sum.txt").write_text("2 + 3 = -1\\n")
"""

_LOADED = """\
import json

load = json.loads
json.loads = lambda text, **more: [[a, b, a - b] for a, b, _ in load(text, **more)]
"""

_ROWS = """\
import csv

csv.DictReader = lambda stream: []
"""

_RUN = """\
import subprocess

run = subprocess.run


def running(command, **more):
    done = run(command, **more)
    done.returncode = 0
    if more.get("text"):
        done.stdout = "5\\n"
    return done


subprocess.run = running
"""


ATTACKS = (
    Submission(
        "a helper that requires nothing",
        "",
        {"checks/same.py": "def require_same(found, wanted):\n    pass\n"},
        project=BY_MODULE,
    ),
    Submission(
        "a helper's package",
        "",
        {"checks/__init__.py": "def require_same(found, wanted):\n    return found == wanted\n"},
        project=BY_MODULE,
    ),
    Submission(
        "a helper of the same name",
        "a module in place of the package",
        {"checks/__init__.py": None, "checks/same.py": None, "checks.py": "def require_same(*values):\n    pass\n"},
        project=BY_MODULE,
    ),
    Submission(
        "data that agree with the wrong code", "", {"data/sums.json": "[[2, 3, -1], [4, 4, 0]]\n"}, project=BY_JSON
    ),
    Submission("data without rows", "", {"data/sums.json": "[]\n"}, project=BY_JSON),
    Submission("data read otherwise", "", _before(_LOADED), project=BY_JSON),
    Submission("a golden file that agrees", "", {"golden/sum.txt": "2 + 3 = -1\n"}, project=BY_GOLDEN),
    Submission("a golden file written by the code", "", _before(_WRITTEN), project=BY_GOLDEN),
    Submission("a golden file read otherwise", "", _before(_OPENED), project=BY_GOLDEN),
    Submission("examples without any", "", {"calc_examples.py": "SUMS = {}\n"}, project=BY_EXAMPLES),
    Submission(
        "examples of nothing", "", {"calc_examples.py": "SUMS = {(a, 0): a for a in range(9)}\n"}, project=BY_EXAMPLES
    ),
    Submission("wide limits", "", {"data/limits.csv": "a,b,least,most\n2,3,-9,99\n"}, project=BY_LIMITS),
    Submission("limits never read", "", _before(_ROWS), project=BY_LIMITS),
    Submission(
        "a factory of easy cases", "", {"factories.py": "def pair():\n    return (5, 0), 5\n"}, project=BY_FACTORY
    ),
    Submission("a program that always agrees", "", {"scripts/compare.py": "pass\n"}, project=BY_PROGRAM),
    Submission("programs that always end well", "", _before(_RUN), project=BY_PROGRAM),
    Submission("what a command prints", "the tests' own view of another process", _before(_RUN), project=COMMAND),
    Submission(
        "the answer in a child's start",
        "reads what the tests expect, in the process that they start",
        {
            "sums.py": "import re\nfrom pathlib import Path\n\ntext = next(Path(__file__).parent.glob('tests/test_calc.py')).read_text()\nprint(re.search(r'stdout == \"(-?\\d+)', text)[1])\n"
        },
        project=COMMAND,
    ),
)
