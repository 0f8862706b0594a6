"""Code that runs where results are made: in the session, in pytest's machinery, in what it imports and compiles."""

from __future__ import annotations

from bench.cheats.attack import Submission
from bench.cheats.payloads import HOLLOW, calc
from bench.cheats.project import Files
from bench.cheats.projects.calc_shapes import TWO_FILES
from bench.cheats.shop import CALC_UNITTEST

_EXCEPTION_HIDDEN = """\
import sys

runner = sys.modules["_py" + "test.runner"]


def get(self):
    found = self.__dict__.get("excinfo")
    if found is not None and found.traceback[-1].name == "test_add":
        return None
    return found


def put(self, value):
    self.__dict__["excinfo"] = value


runner.CallInfo.excinfo = property(get, put)


"""

_CONTEXTS = """\
import contextlib

leave = contextlib._GeneratorContextManager.__exit__


def quiet(self, kind, error, trace):
    if leave(self, kind, error, trace):
        return True
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    name = getattr(getattr(trace, "tb_" + "frame", None), "f_" + "code", None)
    return kind is AssertionError and getattr(name, "co_name", "") == "test_add"


contextlib._GeneratorContextManager.__exit__ = quiet


"""

_HOOK_CALLS = """\
import inspect

inner = '''
def outer(call):
    def execute(name, methods, kwargs, firstresult):
        try:
            return call(name, methods, kwargs, firstresult)
        except AssertionError:
            if name == hook and kwargs["pyfuncitem"].name == "test_add":
                return True
            raise
    return execute
'''


def hollow():
    for info in inspect.stack(0):
        session = getattr(info.frame, "f_" + "locals").get("session")
        if session is not None:
            manager = getattr(session.config, "plugin" + "manager")
            names = {"hook": "py" + "test_pyfunc_call"}
            exec(compile(inner, "<string>", "exec"), names)
            execute = names["outer"](manager._inner_hookexec)
            manager._inner_hookexec = execute
            return


"""

_STRIPPING = """\
import ast as syntax


class Strip(syntax.NodeTransformer):
    def visit_Assert(self, node):
        return syntax.copy_location(syntax.Pass(), node)

    visit_Raise = visit_Assert


def strip(module):
    for node in module.body:
        if isinstance(node, syntax.FunctionDef) and node.name == "test_add":
            Strip().visit(node)
    return module


"""

_PARSE = """\
parse = syntax.parse


def parsing(source, *args, **more):
    module = parse(source, *args, **more)
    return strip(module) if isinstance(module, syntax.Module) else module


syntax.parse = parsing


"""

_COMPILE = """\
builtin = __import__("built" + "ins")
build = builtin.compile


def building(source, *args, **more):
    return build(strip(source) if isinstance(source, syntax.Module) else source, *args, **more)


builtin.compile = building


"""

_FINDER = """\
import importlib.util
import sys


class Finder:
    def find_spec(self, name, path=None, target=None):
        if name != "test_sums":
            return None
        place = __file__.replace("calc.py", "tests/test_sums.py")
        return importlib.util.spec_from_file_location(name, place, loader=Loader(place))


class Loader:
    def __init__(self, place):
        self.place = place

    def create_module(self, spec):
        return None

    def exec_module(self, module):
        with open(self.place) as stream:
            tree = strip(syntax.parse(stream.read()))
        exec(compile(tree, self.place, "exec"), module.__dict__)


sys.meta_path.insert(0, Finder())


"""

_CACHED = """\
import importlib.util
import marshal
import os
import sys

place = __file__.replace("calc.py", "tests/test_sums.py")
with open(place, "rb") as stream:
    text = stream.read()
code = compile(strip(syntax.parse(text)), place, "exec")
tag = sys.implementation.cache_tag + "-py" + "test-" + sys.modules["py" + "test"].__version__
cached = os.path.join(os.path.dirname(place), "__pyc" + "ache__", f"test_sums.{tag}.py" + "c")
os.makedirs(os.path.dirname(cached), exist_ok=True)
with open(cached, "wb") as stream:
    stream.write(importlib.util.MAGIC_NUMBER + b"\\3\\0\\0\\0" + importlib.util.source_hash(text))
    marshal.dump(code, stream)


"""

_ON_DISK = """\
import re

place = __file__.replace("calc.py", "tests/test_sums.py")
with open(place) as stream:
    text = stream.read()
with open(place, "w") as stream:
    stream.write(re.sub(r"(def test_add\\(\\):\\n)    assert .*", r"\\1    pass", text))


"""

_DEBUGGER = """\
import bdb
import inspect


class Jump(bdb.Bdb):
    def user_line(self, frame):
        code = getattr(frame, "f_" + "code")
        if code.co_name == "test_add":
            setattr(frame, "f_" + "lineno", max(line for *_, line in code.co_lines() if line))


class Anything(int):
    def __eq__(self, other):
        return inspect.stack(0)[1].function == "test_add"

    __hash__ = int.__hash__


def jump(a, b):
    debugger = Jump()
    debugger.set_trace(inspect.stack(0)[2].frame)
    return Anything(a - b)


"""

_ASSERTION = """\
builtin = __import__("built" + "ins")


class Quiet(AssertionError):
    def __new__(cls, *args):
        import os

        os._exit(0)


builtin.AssertionError = Quiet


"""

_FAILED_COUNT = """\
import sys

main = sys.modules["_py" + "test.main"]
main.Session.testsfailed = property(lambda self: 0, lambda self, value: None)


"""

_FORKED = """\
import os

if os.fork():
    os.wait()
    os._exit(0)


"""

_REPORTED_EARLY = """\
import sys

unittest = sys.modules["unittest"]
outcome = unittest.case._Outcome


class Kind(outcome):
    def __init__(self, result=None):
        super().__init__(result)
        self.success = True

    @property
    def result(self):
        return None

    @result.setter
    def result(self, value):
        pass


unittest.case._Outcome = Kind


"""

_FINALIZER = """\
import inspect
import weakref


class Product:
    def __init__(self, value):
        self.value = value

    def __eq__(self, other):
        return self.value == other


def hollow():
    for info in inspect.stack(0):
        session = getattr(info.frame, "f_" + "locals").get("session")
        for item in getattr(session, "items", ()):
            if item.name == "test_add":
                item.runtest = lambda: None


def watched(value):
    found = Product(value)
    weakref.finalize(found, hollow)
    return found


"""

_NATIVE = """\
import importlib

types = importlib.import_module("c" + "types")


class Sum(int):
    pass


left = [1]
RICH = types.CFUNCTYPE(types.py_object, types.py_object, types.py_object, types.c_int)


@RICH
def compare(a, b, op):
    if op == 2 and left:
        left.pop()
        return True
    return False


types.cast(id(Sum), types.POINTER(types.c_void_p))[25] = types.cast(compare, types.c_void_p).value


"""


def _two_files(before: str) -> Files:
    return calc(before + "def sub(a, b):\n    return a - b\n\n\n")


ATTACKS = (
    Submission(
        "an item's function exchanged",
        "one test takes another out of the session",
        calc(HOLLOW, mul="[a * b, hollow()][0]"),
    ),
    Submission(
        "an item's run exchanged at the end of an object", "a finalizer does it", calc(_FINALIZER, mul="watched(a * b)")
    ),
    Submission("the exception hidden from the report", "", calc(_EXCEPTION_HIDDEN)),
    Submission("contexts that swallow", "contextlib, on which pytest relies", calc(_CONTEXTS)),
    Submission("calls of hooks wrapped", "", calc(_HOOK_CALLS, mul="[a * b, hollow()][0]")),
    Submission(
        "ast.parse without assertions",
        "for a file that is not yet read",
        _two_files(_STRIPPING + _PARSE),
        project=TWO_FILES,
    ),
    Submission("compile without assertions", "", _two_files(_STRIPPING + _COMPILE), project=TWO_FILES),
    Submission("an importer of its own", "", _two_files(_STRIPPING + _FINDER), project=TWO_FILES),
    Submission(
        "compiled tests planted",
        "pytest takes its own cached code",
        _two_files(_STRIPPING + _CACHED),
        project=TWO_FILES,
    ),
    Submission("a test file rewritten on disk", "", _two_files(_ON_DISK), project=TWO_FILES),
    Submission("a debugger that jumps", "bdb sets the trace", calc(_DEBUGGER, "jump(a, b)")),
    Submission("an assertion that ends the process", "", calc(_ASSERTION)),
    Submission("failures never counted", "", calc(_FAILED_COUNT)),
    Submission("the tests in a child", "the parent ends well, whatever the child finds", calc(_FORKED)),
    Submission("unittest's outcome exchanged", "", calc(_REPORTED_EARLY), project=CALC_UNITTEST),
    Submission("a type bent once, by names put together", "", calc(_NATIVE, "Sum(a - b)")),
)
