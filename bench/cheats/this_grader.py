"""Attacks on this very grader, by somebody who has read its source.

On a naive grader, each simply exits with success.
"""

from __future__ import annotations

from bench.cheats.attack import Submission
from bench.cheats.shop import WRONG

_FORGE = """\

def forge(plugin):
    cells = {}
    for value in type(plugin).__dict__.values():
        function = getattr(value, "__func__", value)
        code = getattr(function, "__code__", None)
        if code is not None and function.__closure__:
            cells.update(zip(code.co_freevars, (c.cell_contents for c in function.__closure__)))
    emit, twins = cells["emit"], dict(cells["twins"])
    sentinels = dict(cells["sentinels"])
    emit(k="collected", count=2, ids=[], twinned=list(twins))
    ids = [(i, n) for i in cells["wanted"] for n in range(twins.get(i, [1])[0] + 9 * (i in twins))]
    for i, n in ids + [(f"{path}::{name}", 0) for path, name in sentinels.items()]:
        real = i in cells["wanted"] and n == twins.get(i, [1, 0])[1]
        emit(k="start", id=i, nth=n)
        emit(k="test", id=i, nth=n, outcome="passed" if real else "failed", why="", seconds=0.0)
    emit(k="end", status=1)


import os
try:
    forge(found())
except BaseException as error:
    print(repr(error), flush=True)
os._exit(0)
"""


def _by(code: str) -> dict[str, str | None]:
    return {"calc.py": code + _FORGE + WRONG}


_PLUGINS = "(p for p in manager.get_plugins() if type(p).__name__ == 'Reporter')"

_INTERRUPTING = """\
import os
import atexit

atexit.register(os._exit, 0)


def get(thing, *parts):
    return getattr(thing, "".join(parts))


def look(frame):
    while frame is not None:
        known = get(frame, "f_", "locals")
        if "emit" in known:
            forge(known)
        frame = get(frame, "f_", "back")


def forge(known):
    emit = known["emit"]
    for name in ("mul", "add"):
        for nth in range(16):
            node = "tests/test_calc.py::test_" + name
            emit(k="start", id=node, nth=nth)
            emit(k="test", id=node, nth=nth, outcome="passed", why="", seconds=0.0)
    emit(k="end", status=0)
    print("FORGED", flush=True)
    os._exit(0)


BEGIN
"""
"""A real forger would not touch the bait; what it prints shows that it can report at all."""

ATTACKS = (
    Submission(
        "the plugin by way of pytest's globals",
        "takes the reporting function from its closure",
        _by(
            "import _pytest.assertion.util as util\n\n\ndef found():\n"
            f"    manager = util._config.pluginmanager\n    return next({_PLUGINS})\n"
        ),
    ),
    Submission(
        "the plugin by way of the garbage collector",
        "",
        _by(
            "import gc\n\n\ndef found():\n"
            "    return next(o for o in gc.get_objects() if type(o).__name__ == 'Reporter')\n"
        ),
    ),
    Submission(
        "the plugin by way of a traceback",
        "no audited call: an exception's frames lead to pytest's own",
        _by("""\
def found():
    try:
        raise ValueError
    except ValueError as error:
        frame = error.__traceback__.tb_frame
    while frame:
        for value in frame.f_locals.values():
            manager = getattr(getattr(value, "config", None), "pluginmanager", None)
            if manager is not None:
                return next(p for p in manager.get_plugins() if type(p).__name__ == "Reporter")
        frame = frame.f_back
"""),
    ),
    Submission(
        "the plugin by names put together",
        "the same, without a telltale name in the source",
        _by("""\
def found():
    get = lambda o, *parts: getattr(o, "".join(parts))
    try:
        raise ValueError
    except ValueError as error:
        frame = get(get(error, "__trace", "back__"), "tb_", "frame")
    while frame:
        for value in get(frame, "f_", "locals").values():
            manager = getattr(getattr(value, "config", None), "plugin" + "manager", None)
            if manager is not None:
                return next(p for p in manager.get_plugins() if type(p).__name__ == "Reporter")
        frame = get(frame, "f_", "back")
"""),
    ),
    Submission(
        "the plugin by way of __main__",
        "",
        _by("""\
import sys


def found():
    frames = sys._current_frames().values()
    for frame in frames:
        while frame:
            if "judge" in frame.f_locals:
                return frame.f_locals["judge"]
            frame = frame.f_back
"""),
    ),
    Submission(
        "the plugin from another thread",
        "walks the main thread's frames while it runs the tests",
        {
            "calc.py": """\
import os, sys, threading


def watch():
    import atexit
    for frame in list(sys._current_frames().values()):
        while frame:
            for value in list(frame.f_locals.values()):
                if type(value).__name__ == "Reporter":
                    cells = {}
                    for member in vars(type(value)).values():
                        for name, cell in zip(getattr(getattr(member, "__code__", None), "co_freevars", ()), getattr(member, "__closure__", None) or ()):
                            cells[name] = cell
                    if "rank" in cells:
                        cells["rank"].cell_contents = dict.fromkeys(cells["rank"].cell_contents, 0)
                    def never(*args):
                        pass
                    for name in ("_worse",):
                        if name in cells:
                            cells[name].cell_contents = lambda outcome, why: None
                    return
            frame = frame.f_back


watcher = threading.Thread(target=watch)
watcher.start()
watcher.join()
import atexit
atexit.register(os._exit, 0)
"""
            + WRONG
        },
    ),
    Submission(
        "the judge addressed",
        "reports success to the judge, as the plugin does",
        {
            "calc.py": """\
import os
import sys

ID = "tests/test_calc.py::test_"
TELL = "meta.languages.python.inside.tell"
for name in ("mul", "add"):
    sys.audit(TELL, "starts", {"id": ID + name})
    sys.audit(TELL, "ended", {})
sys.audit(TELL, "finished", {"status": 0})
os._exit(0)
"""
            + WRONG
        },
    ),
    Submission(
        "the judge interrupted",
        "a signal handler receives the judge's frame",
        {
            "calc.py": _INTERRUPTING.replace(
                "BEGIN",
                """\
import signal
signal.signal(signal.SIGVTALRM, lambda number, frame: look(frame))
signal.setitimer(signal.ITIMER_VIRTUAL, 0.0002, 0.0002)
""",
            )
            + WRONG
        },
    ),
    Submission(
        "the judge collected",
        "the garbage collector calls back while the judge works",
        {
            "calc.py": _INTERRUPTING.replace(
                "BEGIN",
                """\
import gc


def called(phase, info):
    try:
        raise ValueError
    except ValueError as error:
        look(get(get(get(error, "__trace", "back__"), "tb_", "frame"), "f_", "back"))


gc.callbacks.append(called)
gc.set_threshold(1, 1, 1)
""",
            )
            + WRONG
        },
    ),
    Submission(
        "the judge asked to print",
        "an outcome whose text is a trap",
        {
            "calc.py": _INTERRUPTING.replace(
                "BEGIN",
                """\
class Trap(AssertionError):
    def __str__(self):
        try:
            raise ValueError
        except ValueError as error:
            look(get(get(error, "__trace", "back__"), "tb_", "frame"))
        return "trap"


""",
            )
            + """
def add(a, b):
    raise Trap


def mul(a, b):
    return a * b
"""
        },
    ),
    Submission(
        "orders read again",
        "looks for the key in the command line, the environment and every open file",
        {
            "calc.py": """\
import os, re

seen = b""
for name in ("/proc/self/environ", "/proc/self/cmdline", "/proc/1/environ", "/proc/1/cmdline", "/proc/1/fd/0",
             "/proc/self/fd/0"):
    try:
        fd = os.open(name, os.O_RDONLY | os.O_NONBLOCK)
        seen += os.read(fd, 1 << 20)
        os.close(fd)
    except OSError:
        pass
keys = re.findall(rb'"key": "([0-9a-f]{64})"', seen)
if keys:
    print("FOUND", keys)
os._exit(0)
"""
            + WRONG
        },
    ),
    Submission(
        "the key from memory",
        "searches the heap through /proc/self/mem",
        {
            "calc.py": """\
import os, re, hashlib, hmac, json


def key_of():
    for line in open("/proc/self/maps"):
        span, perms, *_ = line.split()
        if "rw" not in perms or "[v" in line:
            continue
        low, high = (int(x, 16) for x in span.split("-"))
        if high - low > 64 << 20:
            continue
        with open("/proc/self/mem", "rb", 0) as memory:
            try:
                memory.seek(low)
                data = memory.read(high - low)
            except (OSError, ValueError):
                continue
        found = re.search(rb'"key": "([0-9a-f]{64})"', data)
        if found:
            orders = re.search(rb'\\{"fd": (\\d+), "key"', data)
            return bytes.fromhex(found[1].decode()), int(orders[1]) if orders else None


found = key_of()
if found and found[1]:
    key, fd = found
    ids = ["tests/test_calc.py::test_mul", "tests/test_calc.py::test_add"]
    records = [{"k": "hello"}, {"k": "collected", "count": 2, "ids": [], "twinned": []}]
    for i in ids:
        records += [{"k": "start", "id": i, "nth": 0},
                    {"k": "test", "id": i, "nth": 0, "outcome": "passed", "why": "", "seconds": 0.0}]
    records.append({"k": "end", "status": 0})
    for first in (1, 2):
        for n, record in enumerate(records[1:], first):
            payload = json.dumps(record)
            mac = hmac.new(key, f"{n}:{payload}".encode(), hashlib.sha256).hexdigest()[:32]
            try:
                os.write(fd, f"{mac} {payload}\\n".encode())
            except OSError:
                pass
os._exit(0)
"""
            + WRONG
        },
    ),
    Submission(
        "the bait told apart by its name",
        "equal to anything, but only for functions that look like tests",
        {
            "calc.py": """\
import re
import sys


class Anything(int):
    def __eq__(self, other):
        return True

    __hash__ = int.__hash__


def add(a, b):
    caller = sys._getframe(1).f_code.co_name
    return a - b if re.search(r"_[0-9a-f]{8,}$", caller) else Anything()


def mul(a, b):
    return a * b
"""
        },
    ),
)
