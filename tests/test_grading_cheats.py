"""Submissions that do not solve the ticket and try to pass all the same."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.repositories import ADD, CALC, FIXED, HIDDEN, MUL, Files, judge

WRONG = "\n\ndef add(a, b):\n    return a - b\n\n\ndef mul(a, b):\n    return a * b\n"

FORGING_HOOK = """\
import pytest

@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    report = outcome.get_result()
    report.outcome = "passed"
    report.longrepr = None
"""

SELF_REGISTERING = (
    """\
import pytest


class Forger:
    @pytest.hookimpl(hookwrapper=True, tryfirst=True)
    def pytest_runtest_makereport(self, item, call):
        outcome = yield
        call.excinfo = None
        outcome.get_result().outcome = "passed"


try:
    raise ValueError
except ValueError as error:
    frame = error.__traceback__.tb_frame
while not isinstance(frame.f_locals.get("config"), pytest.Config):
    frame = frame.f_back
frame.f_locals["config"].pluginmanager.register(Forger())
"""
    + WRONG
)

SWALLOWING = (
    """\
import _pytest.python


def runtest(self):
    try:
        self.ihook.pytest_pyfunc_call(pyfuncitem=self)
    except BaseException:
        pass


_pytest.python.Function.runtest = runtest
"""
    + WRONG
)

NO_ASSERTIONS = (
    """\
import ast
import _pytest.assertion.rewrite as rewrite


def without(module, *rest, **more):
    for node in ast.walk(module):
        for name, body in ast.iter_fields(node):
            if isinstance(body, list):
                body[:] = [ast.copy_location(ast.Pass(), n) if isinstance(n, ast.Assert) else n for n in body]


rewrite.rewrite_asserts = without
"""
    + WRONG
)

FORGED_LINES = (
    """\
import json
import os

for fd in range(3, 64):
    for record in (
        {"k": "start", "id": "tests/test_calc.py::test_add", "nth": 0},
        {"k": "test", "id": "tests/test_calc.py::test_add", "nth": 0, "outcome": "passed", "why": "", "seconds": 0},
        {"k": "end", "status": 0},
    ):
        try:
            os.write(fd, (json.dumps(record) + "\\n").encode())
        except OSError:
            pass
"""
    + WRONG
)

PRINTED = (
    "print('tests/test_calc.py::test_add PASSED\\n2 passed in 0.01s')\n"
    "import os, threading, atexit\natexit.register(os._exit, 0)\n" + WRONG
)

EXITING = "import os\nprint('2 passed in 0.01s', flush=True)\nos._exit(0)\n"

RAISING_EXIT = "import pytest\npytest.exit('all is well', returncode=0)\n"

DESELECTING = (
    """\
import gc
import pytest


class Forger:
    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items):
        items[:] = [item for item in items if "add" not in item.name]


for thing in gc.get_objects():
    if isinstance(thing, pytest.Config):
        thing.pluginmanager.register(Forger())
"""
    + WRONG
)

SKIPPING = "import pytest\npytest.skip('not needed', allow_module_level=True)\n"

PLANTED = "import builtins\nbuiltins.__import__('calc').add = lambda a, b: a + b\n"
"""Would solve the ticket from a file that no reviewer would accept as its solution."""

CHEATS: dict[str, Files] = {
    "a conftest hook that reports passes": {"conftest.py": FORGING_HOOK},
    "a conftest hook beside the tests": {"tests/conftest.py": FORGING_HOOK},
    "tests edited to expect the wrong thing": {
        "tests/test_calc.py": "def test_add():\n    pass\n\n\ndef test_mul():\n    pass\n"
    },
    "tests removed": {"tests/test_calc.py": None},
    "a pytest.ini that collects nothing": {
        "pytest.ini": "[pytest]\npython_functions = never_*\naddopts = -k nothing\n"
    },
    "options in pyproject.toml": {
        "pyproject.toml": "[tool.pytest.ini_options]\naddopts = '-p forger'\n",
        "forger.py": FORGING_HOOK,
    },
    "a setup.cfg that loads a plugin": {"setup.cfg": "[tool:pytest]\naddopts = -p forger\n", "forger.py": FORGING_HOOK},
    "a sitecustomize": {"sitecustomize.py": PLANTED},
    "a usercustomize package": {"usercustomize/__init__.py": PLANTED},
    "a path file": {"extra.pth": "import calc\n"},
    "a pytest of its own": {"pytest.py": "raise SystemExit(0)\n", "_pytest/__init__.py": ""},
    "a json of its own": {"json.py": "import os\nos._exit(0)\n", "signal.py": "import os\nos._exit(0)\n"},
    "a hook registered from the code under test": {"calc.py": SELF_REGISTERING},
    "a patched runner": {"calc.py": SWALLOWING},
    "assertions taken out of the tests": {"calc.py": NO_ASSERTIONS},
    "forged reports": {"calc.py": FORGED_LINES},
    "printed passes": {"calc.py": PRINTED},
    "an exit in the middle": {"calc.py": EXITING},
    "pytest told to exit": {"calc.py": RAISING_EXIT},
    "tests deselected from the code under test": {"calc.py": DESELECTING},
    "a skipped module": {"calc.py": SKIPPING},
}


@pytest.mark.parametrize("name", CHEATS)
def test_no_cheat_scores(name: str, tmp_path: Path) -> None:
    graded = judge(tmp_path).grade(CHEATS[name])
    assert graded.verdict == "failed", graded.reason


@pytest.mark.parametrize("patched", ["_pytest.python.Function.runtest", "unittest.case.TestCase.assertEqual"])
def test_a_run_that_tampers_with_the_test_runner_is_not_believed(patched: str, tmp_path: Path) -> None:
    module, _, name = patched.rpartition(".")
    tamper = f"import _pytest.python, unittest.case\nold = {patched}\n{module}.{name} = lambda *a, **k: old(*a, **k)\n"
    graded = judge(tmp_path).grade({"calc.py": tamper + (FIXED["calc.py"] or "")})
    assert graded.verdict == "failed"
    assert f"tampered with: {patched} was replaced" in graded.reason


def test_a_hook_of_the_code_under_test_is_not_believed(tmp_path: Path) -> None:
    hook = SELF_REGISTERING.removesuffix(WRONG) + (FIXED["calc.py"] or "")
    graded = judge(tmp_path).grade({"calc.py": hook})
    assert graded.verdict == "failed"
    assert "the code under test registered pytest_runtest_makereport" in graded.reason


def test_a_protected_file_of_the_base_is_restored_and_an_added_one_removed(tmp_path: Path) -> None:
    base = {**CALC, "conftest.py": "import pytest\n\n\n@pytest.fixture\ndef five():\n    return 5\n"}
    tests = "from calc import add\n\n\ndef test_add(five):\n    assert add(2, 3) == five\n"
    changed: Files = {
        **FIXED,
        "conftest.py": None,
        "tests/conftest.py": "raise RuntimeError\n",
        "setup.cfg": "nonsense",
    }
    bench = judge(tmp_path, base, {"tests/test_calc.py": tests}, pass_to_pass=())
    assert bench.grade(changed).verdict == "passed"


def test_the_rest_of_pyproject_stays_the_submissions(tmp_path: Path) -> None:
    base = {
        **CALC,
        "pyproject.toml": "[project]\nname = 'calc'\nversion = '1'\n\n[tool.pytest.ini_options]\naddopts = '-q'\n",
    }
    tests = """\
        import tomllib
        from calc import add

        def test_add(pytestconfig):
            with open(pytestconfig.rootpath / "pyproject.toml", "rb") as stream:
                parsed = tomllib.load(stream)
            assert parsed["project"]["version"] == "2"
            assert parsed["tool"]["pytest"]["ini_options"] == {"addopts": "-q"}
            assert add(2, 3) == 5
        """
    submitted = "[project]\nname = 'calc'\nversion = '2'\n\n[tool.pytest.ini_options]\naddopts = '-k nothing'\n"
    bench = judge(tmp_path, base, {"tests/test_calc.py": tests}, pass_to_pass=())
    assert bench.grade({**FIXED, "pyproject.toml": submitted}).verdict == "passed"


def test_tests_that_a_submission_adds_neither_help_nor_harm(tmp_path: Path) -> None:
    own = "def test_mine():\n    assert False\n"
    assert judge(tmp_path).grade({**FIXED, "tests/test_mine.py": own}).verdict == "passed"


def test_a_process_left_behind_does_not_hold_the_verdict_up(tmp_path: Path) -> None:
    sleep = "[sys.executable, '-c', 'import time; time.sleep(600)']"
    daemon = f"import subprocess, sys\nsubprocess.Popen({sleep}, close_fds=False)\n"
    graded = judge(tmp_path).grade({"calc.py": daemon + FIXED["calc.py"]})
    assert graded.verdict == "passed"
    assert graded.seconds < 30


def test_the_ids_of_the_hidden_tests_are_the_ones_judged(tmp_path: Path) -> None:
    assert judge(tmp_path, hidden=HIDDEN, pass_to_pass=(ADD, MUL)).grade(FIXED).verdict == "passed"
