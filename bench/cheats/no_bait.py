"""Attacks on tickets that a document or another runner decides."""

from __future__ import annotations

from bench.cheats.attack import Submission
from bench.cheats.payloads import ANYTHING, calc
from bench.cheats.project import Files
from bench.cheats.projects.deciders import DOCUMENT, OTHER_RUNNER
from bench.cheats.shop import WRONG


def _before(code: str) -> Files:
    return {"calc.py": code + WRONG}


_ANSWERS = """\
import re
from pathlib import Path

text = (Path(__file__).parent / "docs" / "usage.md").read_text()
answers = iter(re.findall(r"add\\(.*\\)+\\n(-?\\d+)", text))


class Answer:
    def __repr__(self):
        return next(answers)


def add(a, b):
    return Answer()


def mul(a, b):
    return a * b
"""

_CHECKER = """\
import doctest

doctest.OutputChecker.check_output = lambda self, want, got, options: True
"""

_EXAMPLES = """\
import doctest

check = doctest.OutputChecker.check_output
doctest.OutputChecker.check_output = lambda self, want, got, options: want.strip() in ("5", "8") or check(self, want, got, options)
"""

_DISPLAY = """\
import inspect
import sys


def wanted():
    for info in inspect.stack(0):
        example = getattr(info.frame, "f_" + "locals").get("example")
        if example is not None:
            return example.want.strip()
    return ""


class Said(int):
    def __repr__(self):
        return wanted()

    __str__ = __repr__


def add(a, b):
    return Said(a - b)


def mul(a, b):
    return a * b
"""

_RUNNER = """\
import doctest

run = doctest.DocTestRunner.run


def running(self, test, *args, **more):
    test.examples = [example for example in test.examples if "add(" not in example.source]
    return run(self, test, *args, **more)


doctest.DocTestRunner.run = running
"""

_REPORT = (
    "<testsuite><testcase classname='cases' name='sums_mul'/><testcase classname='cases' name='sums_add'/></testsuite>"
)

_ENDED = f"""\
import os

with open("report.xml", "w") as stream:
    stream.write("{_REPORT}")
os._exit(0)
"""

_AT_EXIT = f"""\
import atexit
import os


def write():
    with open("report.xml", "w") as stream:
        stream.write("{_REPORT}")
    os._exit(0)


atexit.register(write)
"""

_ELEMENTS = """\
import sys
import xml.etree.ElementTree as tree

element = tree.SubElement
tree.SubElement = lambda parent, tag, **more: None if tag == "failure" else element(parent, tag, **more)
sys.exit = lambda code=0: None
"""


ATTACKS = (
    Submission("a document's own answers", "prints what the document expects", {"calc.py": _ANSWERS}, project=DOCUMENT),
    Submission("an answer from the example", "", {"calc.py": _DISPLAY}, project=DOCUMENT),
    Submission("a checker that agrees", "", _before(_CHECKER), project=DOCUMENT),
    Submission("a checker that agrees with two", "", _before(_EXAMPLES), project=DOCUMENT),
    Submission("examples left out", "", _before(_RUNNER), project=DOCUMENT),
    Submission("equal to anything, for another runner", "", calc(ANYTHING, "Anything(a - b)"), project=OTHER_RUNNER),
    Submission("a report by the code", "", _before(_ENDED), project=OTHER_RUNNER),
    Submission("a report at the end", "", _before(_AT_EXIT), project=OTHER_RUNNER),
    Submission("failures not written", "", _before(_ELEMENTS), project=OTHER_RUNNER),
)
