"""Pieces of code that cheats are made of. Each is put before, or in place of, the code of `calc.py`."""

from __future__ import annotations

from bench.cheats.project import Files

ANYTHING = """\
class Anything(int):
    def __eq__(self, other):
        return True

    def __ne__(self, other):
        return False

    def __lt__(self, other):
        return True

    __le__ = __gt__ = __ge__ = __contains__ = __lt__
    __hash__ = int.__hash__


"""

ONCE = """\
class Once(int):
    left = 1

    def __eq__(self, other):
        if Once.left:
            Once.left -= 1
            return True
        return int(self) == other

    __hash__ = int.__hash__


"""

HOLLOW = """\
import inspect


def hollow():
    for info in inspect.stack(0):
        session = getattr(info.frame, "f_" + "locals").get("session")
        for item in getattr(session, "items", ()):
            if item.name == "test_add":
                item.obj = lambda: None


"""
"""Takes the test that fails out of pytest's hands, once `hollow()` is called while another one runs."""

LINE_OF_TEST = """\
import re


def expected(path, number, name, honest):
    if name != "test_add":
        return honest
    with open(path) as stream:
        return int(re.findall(r"-?\\d+", stream.read().splitlines()[number - 1])[-1])


"""
"""Reads what a line of a test expects, for exactly one test."""


def calc(before: str, add: str = "a - b", mul: str = "a * b") -> Files:
    """Return a submission whose `add` and `mul` return these expressions."""
    return {"calc.py": f"{before}def add(a, b):\n    return {add}\n\n\ndef mul(a, b):\n    return {mul}\n"}
