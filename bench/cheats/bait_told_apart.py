"""Code that tells an altered test from the original, and is wrong only where it should be.

It remembers what it was compared with, counts comparisons, or reads the caller without asking for a frame.
"""

from __future__ import annotations

from bench.cheats.attack import Submission
from bench.cheats.payloads import LINE_OF_TEST, ONCE, calc
from bench.cheats.projects.calc_shapes import APPROX, LARGE, ORDER

_FIRST_MET = """\
class Met(int):
    first = {}

    def __eq__(self, other):
        return Met.first.setdefault(self.key, other) == other

    __hash__ = int.__hash__


def meet(a, b):
    met = Met(a - b)
    met.key = a, b
    return met


"""

_ORDER_ONCE = """\
class Once(int):
    seen = 0

    def answer(self, other):
        Once.seen += 1
        return Once.seen < 4

    __lt__ = __gt__ = __le__ = __ge__ = __eq__ = answer
    __hash__ = int.__hash__

    def __ne__(self, other):
        return True


def add(a, b):
    return 8 if a == 4 else 1 if a == 1 else Once(a - b)


def mul(a, b):
    return a * b
"""

_TRUTH = """\
class Truth:
    told = []

    def __bool__(self):
        Truth.told.append(1)
        return len(Truth.told) == 1


class Vague(int):
    def __eq__(self, other):
        return Truth()

    __hash__ = int.__hash__


"""

_ON_DISK = """\
import os
import tempfile

mark = os.path.join(tempfile.gettempdir(), "calc-ran")
ran = os.path.exists(mark)
open(mark, "a").close()


class Early(int):
    left = 1

    def __eq__(self, other):
        if not ran and Early.left:
            Early.left -= 1
            return True
        return int(self) == other

    __hash__ = int.__hash__


"""

_BY_FRAMES = {
    "inspect": "import inspect\n\n\ndef where():\n    info = inspect.stack()[2]\n    return info.filename, info.lineno, info.function\n\n\n",
    "traceback": "import traceback\n\n\ndef where():\n    summary = traceback.extract_stack()[-3]\n    return summary.filename, summary.lineno, summary.name\n\n\n",
    "warnings": """\
import ast
import warnings


def where():
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        warnings.warn("here", stacklevel=3)
    path, number = caught[0].filename, caught[0].lineno
    with open(path) as stream:
        module = ast.parse(stream.read())
    names = [n.name for n in module.body if isinstance(n, ast.FunctionDef) and n.lineno <= number <= n.end_lineno]
    return path, number, names[0]


""",
    "logging": """\
import logging

records = []


class Keeper(logging.Handler):
    def emit(self, record):
        records.append(record)


log = logging.Logger("calc")
log.addHandler(Keeper())


def where():
    log.warning("here", stacklevel=3)
    return records[-1].pathname, records[-1].lineno, records[-1].funcName


""",
    "faulthandler": """\
import faulthandler
import re
import tempfile


def where():
    with tempfile.TemporaryFile("w+") as stream:
        faulthandler.dump_traceback(stream, all_threads=False)
        stream.seek(0)
        found = re.findall(r'File "(.*)", line (\\d+) in (\\w+)', stream.read())
    path, number, name = found[2]
    return path, int(number), name


""",
    "tracemalloc": """\
import ast
import tracemalloc


def where():
    tracemalloc.start(4)
    here = object()
    frame = tracemalloc.get_object_traceback(here)[-3]
    tracemalloc.stop()
    with open(frame.filename) as stream:
        module = ast.parse(stream.read())
    names = [n.name for n in module.body if isinstance(n, ast.FunctionDef) and n.lineno <= frame.lineno <= n.end_lineno]
    return frame.filename, frame.lineno, names[0]


""",
}

_CONSTANTS = """\
import inspect


def constant(a, b):
    frame = inspect.stack(0)[2].frame
    code = getattr(frame, "f_" + "code")
    found = [c for c in getattr(code, "co_" + "consts") if isinstance(c, int) and c not in (a, b)]
    return found[0] if code.co_name == "test_add" else a - b


"""

_IN_MEMORY = """\
import inspect
import os
import struct


def write(a, b):
    code = getattr(inspect.stack(0)[2].frame, "f_" + "code")
    if code.co_name != "test_add":
        return b - a
    [wanted] = [c for c in getattr(code, "co_" + "consts") if isinstance(c, int) and c not in (0, a, b)]
    os.symlink("/proc/" + "self", "itself")
    with open("itself/mem", "r+b", 0) as memory:
        memory.seek(id(wanted) + 24)
        memory.write(struct.pack("I", b - a))
    return b - a


"""

ATTACKS = (
    Submission("equal once", "the first comparison holds, and later ones are honest", calc(ONCE, "Once(a - b)")),
    Submission("equal to the first met", "agrees with what it was first compared with", calc(_FIRST_MET, "meet(a, b)")),
    Submission("true once", "a comparison's result changes its mind", calc(_TRUTH, "Vague(a - b)")),
    Submission("ordered a few times", "the same for < and >", {"calc.py": _ORDER_ONCE}, project=ORDER),
    Submission(
        "close once",
        "the first comparison with approx holds",
        calc(ONCE, "float(a + b) if a == 4 else Once(a - b)"),
        project=APPROX,
    ),
    Submission(
        "equal in the first process", "a file in the temporary folder tells runs apart", calc(_ON_DISK, "Early(a - b)")
    ),
    *(
        Submission(
            f"the caller by way of {name}",
            "reads the line that asserts, without asking for a frame itself",
            calc(LINE_OF_TEST + where, "expected(*where(), a - b)"),
        )
        for name, where in _BY_FRAMES.items()
    ),
    Submission(
        "the constants by way of inspect", "what the test's code compares with", calc(_CONSTANTS, "constant(a, b)")
    ),
    Submission(
        "the constant overwritten",
        "writes into the interpreter's memory what the test expects",
        calc(_IN_MEMORY, "write(a, b)"),
        project=LARGE,
    ),
)
