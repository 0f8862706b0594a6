"""Attacks by code under test on its process: it patches the runner, or ends it."""

from __future__ import annotations

from bench.cheats.attack import Submission, Trusts
from bench.cheats.shop import CALC, CALC_UNITTEST, WRONG

_FIND = """\
import gc
import pytest

for thing in gc.get_objects():
    if isinstance(thing, pytest.Config):
        config = thing
"""


def _code(
    name: str, tries: str, code: str, beats: Trusts = "exit code", *, unittest: bool = False, then: str = WRONG
) -> Submission:
    return Submission(name, tries, {"calc.py": code + then}, beats, CALC_UNITTEST if unittest else CALC)


ATTACKS = (
    _code(
        "swallowed failures",
        "every test function runs, and whatever it raises is ignored",
        """\
import _pytest.python


def runtest(self):
    try:
        self.ihook.pytest_pyfunc_call(pyfuncitem=self)
    except BaseException:
        pass


_pytest.python.Function.runtest = runtest
""",
    ),
    _code(
        "outcomes rewritten",
        "the class of all reports says passed",
        """\
from _pytest.reports import TestReport

make = TestReport.from_item_and_call.__func__


def passed(cls, item, call):
    call.excinfo = None
    return make(cls, item, call)


TestReport.from_item_and_call = classmethod(passed)
""",
    ),
    _code(
        "hook from the code under test",
        "registers itself as a plugin",
        _FIND
        + """\


class Forger:
    @pytest.hookimpl(hookwrapper=True, tryfirst=True)
    def pytest_runtest_makereport(self, item, call):
        outcome = yield
        call.excinfo = None
        outcome.get_result().outcome = "passed"


config.pluginmanager.register(Forger())
""",
    ),
    _code(
        "tests deselected at run time",
        "",
        _FIND
        + """\


class Forger:
    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items):
        items[:] = [item for item in items if "add" not in item.name]


config.pluginmanager.register(Forger())
""",
    ),
    _code(
        "assertions taken out",
        "compiles the tests again, without their asserts",
        """\
import ast


def without(module, *rest, **more):
    for node in ast.walk(module):
        for name, body in ast.iter_fields(node):
            if isinstance(body, list):
                body[:] = [ast.copy_location(ast.Pass(), n) if isinstance(n, ast.Assert) else n for n in body]




def rewritten(collector):
    tree = ast.parse(collector.path.read_text())
    without(tree)
    exec(compile(tree, str(collector.path), "exec"), collector.obj.__dict__)
    return collect(collector)


import _pytest.python
collect = _pytest.python.PyCollector.collect
_pytest.python.PyCollector.collect = rewritten
""",
    ),
    _code(
        "unittest patched",
        "its assertions hold for everything",
        """\
import unittest

unittest.TestCase.assertEqual = lambda *args, **more: None
""",
        unittest=True,
    ),
    _code(
        "unittest's run patched",
        "the method is never called",
        """\
import unittest

unittest.TestCase._callTestMethod = lambda self, method: None
""",
        unittest=True,
    ),
    _code(
        "sys.exit",
        "exits in the middle of a test, after writing a summary",
        "import sys\n",
        then="def add(a, b):\n    print('\\n2 passed in 0.01s')\n    sys.stdout = sys.__stdout__\n"
        "    import atexit, os\n    atexit.register(os._exit, 0)\n    sys.exit(0)\n\n\ndef mul(a, b):\n    return a * b\n",
    ),
    _code("os._exit", "", "import os\nos._exit(0)\n"),
    _code(
        "os._exit in the function",
        "",
        "",
        then="import os\n\n\ndef add(a, b):\n    os._exit(0)\n\n\ndef mul(a, b):\n    return a * b\n",
    ),
    _code("atexit", "the last word on the exit code", "import atexit, os\natexit.register(os._exit, 0)\n"),
    _code(
        "pytest.exit",
        "asks the runner to stop, with success",
        "import pytest\n",
        then="def add(a, b):\n    pytest.exit('done', returncode=0)\n\n\ndef mul(a, b):\n    return a * b\n",
    ),
    _code("replaced program", "another program replaces the process", "import os\nos.execvp('true', ['true'])\n"),
    _code(
        "killed by itself",
        "a thread that exits before the failure is counted",
        "import os, threading\nthreading.Timer(0.0, os._exit, [0]).start()\nimport time; time.sleep(0.3)\n",
    ),
    _code(
        "exit code of the session",
        "the runner's own function returns success",
        """\
import _pytest.main

_pytest.main.wrap_session.__code__ = (lambda config, doit: 0).__code__
_pytest.main.Session.__setattr__ = lambda self, name, value: object.__setattr__(
    self, name, 0 if name in ("exitstatus", "testsfailed") else value
)
""",
    ),
    _code(
        "skipped module",
        "the import skips all tests of the file, and the exit code is overridden",
        "import atexit, os, pytest\natexit.register(os._exit, 0)\npytest.skip('not here', allow_module_level=True)\n",
        then="",
    ),
    _code(
        "skipping function",
        "the function under test skips its test",
        "import unittest\n",
        then="def add(a, b):\n    raise unittest.SkipTest('no')\n\n\ndef mul(a, b):\n    return a * b\n",
    ),
    _code(
        "xfailing function",
        "",
        "import pytest\n",
        then="def add(a, b):\n    pytest.xfail('known')\n\n\ndef mul(a, b):\n    return a * b\n",
    ),
    _code(
        "printed passes",
        "prints a summary and exits",
        "import os, sys\nsys.__stdout__.flush()\n"
        "for fd in range(1, 20):\n    try:\n        os.write(fd, b'2 passed in 0.01s\\n')\n"
        "    except OSError:\n        pass\nos._exit(1)\n",
        "summary",
    ),
    _code(
        "printed at the end",
        "after the true summary",
        """\
import atexit, os
atexit.register(lambda: (os.write(1, b"\\n2 passed in 0.01s\\n"), os._exit(1)))
""",
        "summary",
    ),
    _code(
        "forged JUnit file",
        "written by the code under test",
        """\
import os
for name in ("junit.xml", "report.xml"):
    open(name, "w").write(
        '<testsuites><testsuite tests="2" failures="0" errors="0">'
        '<testcase classname="tests.test_calc" name="test_mul"/>'
        '<testcase classname="tests.test_calc" name="test_add"/></testsuite></testsuites>'
    )
os._exit(0)
""",
        "junit",
    ),
    _code(
        "JUnit file rewritten",
        "after pytest has written it",
        """\
import atexit, re


def forge():
    text = open("junit.xml").read()
    text = re.sub(r"<failure.*?</failure>", "", text, flags=re.S).replace('failures="1"', 'failures="0"')
    open("junit.xml", "w").write(text)


atexit.register(forge)
""",
        "junit",
    ),
    _code(
        "forged reports",
        "guesses the pipe and writes lines in our own protocol",
        """\
import json, os

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
os._exit(0)
""",
    ),
    _code(
        "a daemon that outlives the run",
        "rewrites the JUnit file and the output later",
        """\
import os, subprocess, sys
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(0.4); open('junit.xml', 'w').write('''"
    '<testsuites><testsuite><testcase classname="tests.test_calc" name="test_add"/></testsuite></testsuites>'
    "''')"], start_new_session=True, env=dict(os.environ))
""",
        "junit",
    ),
    _code(
        "the tests run twice",
        "a fork answers for them with success",
        "import os\npid = os.fork()\nif not pid:\n    os._exit(0)\nos.waitpid(pid, 0)\nos._exit(0)\n",
    ),
    _code(
        "hidden in a stop",
        "a time-out that looks like a fault of the machine",
        "import os, signal\nos.kill(os.getppid(), signal.SIGCONT)\nos._exit(0)\n",
    ),
)
