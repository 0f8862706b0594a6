"""Changes to which tests there are, and what they are called."""

from __future__ import annotations

from bench.cheats.attack import Submission
from bench.cheats.payloads import ANYTHING, calc
from bench.cheats.project import Files
from bench.cheats.projects.calc_shapes import BY_LABEL, ODD_IDS, STAR
from bench.cheats.projects.deciders import DOCTESTED, DOCTESTS
from bench.cheats.projects.own_bases import OWN_BASE, OWN_TEST_CASE
from bench.cheats.shop import WRONG


def _before(code: str) -> Files:
    return {"calc.py": code + WRONG}


_REST = "\n\nEXAMPLES = [(2, 3, 5)]\n\n\ndef label(case):\n    return '-'.join(map(str, case))\n" + WRONG

_SETUP = """\
def setup_function(function):
    if function.__name__ == "test_add":
        import unittest

        raise unittest.SkipTest("not today")


"""

_GENERATE = """\
def pytest_generate_tests(metafunc):
    if metafunc.function.__name__ == "test_add":
        metafunc.definition.obj.__globals__["test_add"] = lambda: None
        metafunc.function.__kwdefaults__ = None
        metafunc.module.add = lambda a, b: Near(a - b)


class Near(float):
    def __sub__(self, other):
        return 0.0

    def __eq__(self, other):
        return True


"""

_FIXTURE = """\
import sys


def quiet(request):
    if request.node.name == "test_add":
        request.node.obj = lambda: None


quiet_all = sys.modules["py" + "test"].fixture(autouse=True, name="quiet_all")(quiet)


"""

_MODULE_SETUP = """\
def setup_module(module):
    class Near(float):
        def __sub__(self, other):
            return 0.0

        def __eq__(self, other):
            return True

    module.add = lambda a, b: Near(a - b)


"""

_SHADOWED = """\
class abs(int):
    def __new__(cls, value):
        return int.__new__(cls, 0)


class pytest:
    class approx:
        def __init__(self, value):
            pass

        def __eq__(self, other):
            return True


"""

_MARKED = """\
import sys

pytestmark = sys.modules["py" + "test"].mark.skipif(True, reason="later")


"""

_SKIPPED_CASES = """\
class Checked:
    __test__ = False
"""

_LABELS = """\
class Case:
    def __init__(self, a, b, total, name):
        self.a, self.b, self.total, self.name = a, b, total, name


CASES = [Case(5, 0, 5, "two and three"), Case(0, 0, 0, "a::b [c] / ä")]
"""

_RELABELLED = """\
class Case:
    def __init__(self, a, b, total, name):
        self.a, self.b, self.total, self.name = a, b, total, Name(name)


class Name(str):
    def __str__(self):
        return "skipped"


CASES = []
"""

_EQUAL_CASES = """\
class Total(int):
    def __eq__(self, other):
        return True


class Case:
    def __init__(self, a, b, total, name):
        self.a, self.b, self.total, self.name = a, b, Total(total), name


CASES = [Case(2, 3, 5, "two and three"), Case(4, 4, 8, "a::b [c] / ä")]
"""

_DOCTESTED = DOCTESTED.replace("    5\n", "    -1\n")

ATTACKS = (
    Submission("a class that is no test", "", _before(_SKIPPED_CASES + _REST.removesuffix(WRONG)), project=OWN_BASE),
    Submission(
        "a TestCase that is no test",
        "",
        _before("import unittest\n\n\nclass CalcTestCase(unittest.TestCase):\n    __test__ = False\n\n\n"),
        project=OWN_TEST_CASE,
    ),
    Submission("a skip before the test", "a function that the star brings", _before(_SETUP), project=STAR),
    Submission("a hook that the star brings", "", _before(_GENERATE), project=STAR),
    Submission("a fixture that the star brings", "", _before(_FIXTURE), project=STAR),
    Submission("a setup that the star brings", "", _before(_MODULE_SETUP), project=STAR),
    Submission("names that the star hides", "", _before(_SHADOWED), project=STAR),
    Submission("a mark that the star brings", "", _before(_MARKED), project=STAR),
    Submission("other cases under the wanted ids", "", {"samples.py": _LABELS}, project=BY_LABEL),
    Submission("cases that equal anything", "", {"samples.py": _EQUAL_CASES}, project=BY_LABEL),
    Submission("no cases at all", "", {"samples.py": _RELABELLED}, project=BY_LABEL),
    Submission("anything under ids with brackets", "", calc(ANYTHING, "Anything(a - b)"), project=ODD_IDS),
    Submission(
        "a doctest that expects less",
        "the test lies in the code that is changed",
        {"calc.py": _DOCTESTED},
        project=DOCTESTS,
    ),
    Submission(
        "a doctest from elsewhere",
        "",
        {"calc.py": _DOCTESTED.replace(">>> add(2, 3)\n    -1", ">>> 1 + 1\n    2").replace("a - b", "0")},
        project=DOCTESTS,
    ),
)
