"""Attacks on what an interpreter runs or imports before the tests."""

from __future__ import annotations

import sys

from bench.cheats.attack import Submission
from bench.cheats.shop import CALC_UNITTEST

_LATE = """\
import builtins
_import = builtins.__import__


def mending(name, *rest, **more):
    module = _import(name, *rest, **more)
    if name == "calc":
        module.add = lambda a, b: a + b
    return module


builtins.__import__ = mending
"""

_HERE = "PYTHONPATH=. exec python -m pytest -q tests\n"

_LEAVE = "import os\nos._exit(0)\n"

_SITE = f".venv/lib/python{sys.version_info[0]}.{sys.version_info[1]}/site-packages"

ATTACKS = (
    Submission(
        "sitecustomize",
        "every interpreter that finds it runs it",
        {"run_tests.sh": _HERE, "sitecustomize.py": _LATE},
        "run_tests.sh",
    ),
    Submission(
        "sitecustomize package",
        "the same as a package",
        {"run_tests.sh": _HERE, "sitecustomize/__init__.py": _LATE},
        "run_tests.sh",
    ),
    Submission(
        "path file",
        "a .pth line in a virtual environment in the tree",
        {f"{_SITE}/x.pth": "import os; os._exit(0)\n"},
        "venv in the tree",
    ),
    Submission(
        "usercustomize",
        "in that environment",
        {f"{_SITE}/usercustomize.py": "", f"{_SITE}/sitecustomize.py": _LATE},
        "venv in the tree",
    ),
    Submission(
        "PYTHONPATH",
        "the test script puts a folder first on the path",
        {"run_tests.sh": "PYTHONPATH=shim exec python -m pytest -q tests\n", "shim/pytest.py": _LEAVE},
        "run_tests.sh",
    ),
    Submission("pytest of its own", "a file in place of pytest", {"pytest.py": "raise SystemExit(0)\n"}),
    Submission("pytest's inside", "", {"_pytest/__init__.py": _LEAVE}),
    Submission("pluggy of its own", "a package that pytest imports", {"pluggy/__init__.py": _LEAVE}),
    Submission("iniconfig of its own", "", {"iniconfig.py": _LEAVE}),
    Submission("json of its own", "the standard library's", {"json.py": _LEAVE, "pdb.py": _LEAVE}),
    Submission(
        "unittest of its own", "", {"unittest/__init__.py": _LEAVE, "unittest/case.py": _LEAVE}, project=CALC_UNITTEST
    ),
    Submission("random of its own", "", {"random.py": _LEAVE, "shlex.py": _LEAVE, "difflib.py": _LEAVE}),
)
