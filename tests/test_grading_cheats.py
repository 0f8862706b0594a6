"""Submissions that do not solve the ticket and try to pass all the same."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.cheats.all import ATTACKS
from bench.cheats.attack import Submission
from bench.cheats.ours import Judge
from tests.repositories import ADD, CALC, FIXED, HIDDEN, MUL, Files, judge, sandbox

CHEATS = (
    "edited test",
    "deleted test",
    "conftest hook",
    "conftest beside the tests",
    "pytest.ini",
    "pyproject.toml",
    "setup.cfg",
    "sitecustomize",
    "usercustomize",
    "path file",
    "pytest of its own",
    "pytest's inside",
    "json of its own",
    "hook from the code under test",
    "swallowed failures",
    "assertions taken out",
    "forged reports",
    "printed passes",
    "os._exit",
    "pytest.exit",
    "tests deselected at run time",
    "skipped module",
)
"""By their names in `bench.cheats`, where all of them are, and are shown to work on a naive grader."""

REGISTERS_ITSELF = """\
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


@pytest.fixture(scope="module")
def shop() -> Iterator[Judge]:
    with Judge(sandbox()) as shop:
        yield shop


@pytest.mark.parametrize("name", CHEATS)
def test_no_cheat_scores(name: str, shop: Judge) -> None:
    [cheat] = [attack for attack in ATTACKS if attack.name == name]
    assert isinstance(cheat, Submission)
    result = shop.submit(cheat)
    assert not result.scored
    assert not result.broken, result.why


@pytest.mark.parametrize("patched", ["_pytest.python.Function.runtest", "unittest.case.TestCase.assertEqual"])
def test_a_run_that_tampers_with_the_test_runner_is_not_believed(patched: str, tmp_path: Path) -> None:
    module, _, name = patched.rpartition(".")
    tamper = f"import _pytest.python, unittest.case\nold = {patched}\n{module}.{name} = lambda *a, **k: old(*a, **k)\n"
    graded = judge(tmp_path).grade({"calc.py": tamper + (FIXED["calc.py"] or "")})
    assert graded.has_failed
    assert f"tampered with: {patched} was replaced" in graded.reason


def test_a_hook_of_the_code_under_test_is_not_believed(tmp_path: Path) -> None:
    graded = judge(tmp_path).grade({"calc.py": REGISTERS_ITSELF + FIXED["calc.py"]})
    assert graded.has_failed
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
