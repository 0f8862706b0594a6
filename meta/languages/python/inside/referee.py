"""Keeps all that decides where Python code cannot look.

The key, the bait and the outcomes live in the closure of an audit hook, which no object refers to. Hooks of pytest
reach it by `sys.audit`, and it believes them only when nothing but pytest is on the stack. Every report carries a
running MAC.
"""

from __future__ import annotations

import copy
import fcntl
import gc
import hashlib
import hmac
import json
import os
import signal
import sys
import time
from typing import TYPE_CHECKING, Any

from tamper_check import TamperCheck, is_file_of_the_tests  # type: ignore[import-not-found]

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import CodeType

    Emit = Callable[..., None]

REFEREE_EVENT = "meta.languages.python.inside.tell"
"""The audit event by which pytest's hooks speak to the referee: a word, and a dictionary that it reads and fills in."""


def open_channel(fd: int, key: bytes) -> Emit:
    """Return a function that writes one report."""
    fcntl.fcntl(fd, fcntl.F_SETFD, fcntl.fcntl(fd, fcntl.F_GETFD) | fcntl.FD_CLOEXEC)
    owner, count, write, dumps, pid = os.getpid(), [0], os.write, json.dumps, os.getpid
    sha256, new = hashlib.sha256, hmac.new

    def emit(**record: Any) -> None:
        if pid() != owner:  # a test forked, and its child came back here
            return
        payload = dumps(record)
        mac = new(key, (f"{count[0]}:{payload}").encode(), sha256).hexdigest()[:32]
        count[0] += 1
        line = f"{mac} {payload}\n".encode()
        while line:
            line = line[write(fd, line) :]

    return emit


def install_referee(orders: dict[str, Any], emit: Emit, first: CodeType, own: Sequence[Any]) -> None:
    """Install the audit hook that judges what pytest's hooks tell it.

    It holds the orders and writes the reports. `first` is the code that runs pytest; `own` are the modules and classes
    of this side, which nobody may change. All of it is one closure, so that no object leads to what it holds.
    """
    wanted = None if orders["wanted"] is None else frozenset(orders["wanted"])
    deciding, twins, sentinels = frozenset(orders["twins"]), dict(orders["twins"]), dict(orders["sentinels"])
    alarms, reverse = frozenset(orders["alarms"]), orders["reverse"]
    read: set[str] = set()
    reading = ("open", "subprocess.Popen") if orders["trace"] else ()
    listened_to = alarms | {REFEREE_EVENT, *reading}
    root, getframe, clock = os.getcwd() + os.sep, sys._getframe, time.perf_counter
    seen: dict[str, int] = {}
    current: dict[str, Any] = {"id": None}
    runner: list[Any] = []
    inside = [False]
    teller = tell_referee.__code__
    rank = {"passed": 0, "xpassed": 1, "xfailed": 2, "skipped": 2, "failed": 3, "error": 3, "timeout": 4}

    def hook(event: str, args: Any) -> None:
        if event not in listened_to or inside[0]:
            return
        inside[0], collecting = True, gc.isenabled()
        gc.disable()  # callbacks of a collection would find this frame on the stack
        try:
            caller = getframe(1)
            if event in reading:
                _note_read(event, args, caller)
            if event not in alarms and event != REFEREE_EVENT:
                return
            if event != REFEREE_EVENT:
                if what := _alarming(event, args, caller):
                    emit(k="patched", what=what)
            elif not _by_pytest_alone(caller):
                _look()
                emit(k="patched", what="something besides pytest called its hooks")
            else:
                answers[args[0]](args[1])
        finally:
            inside[0] = False
            if collecting:
                gc.enable()

    def _alarming(event: str, args: Any, frame: Any) -> str:
        if event == "open" and not str(args[0]).startswith(("/proc/self/mem", "/proc/1/", f"/proc/{os.getpid()}/mem")):
            return ""
        if event in ("object.__setattr__", "object.__getattr__") and args[1] != "__code__":
            return ""
        file = frame.f_code.co_filename
        while event == "open" and frame.f_back and not file.startswith(root):
            frame = frame.f_back
            file = frame.f_code.co_filename
        if not file.startswith(root) or is_file_of_the_tests(file[len(root) :]):
            return ""
        return f"{file[len(root) :]} used {event}"

    def _note_read(event: str, args: Any, frame: Any) -> None:
        """Note files that the tests themselves read, not the code that they call."""
        while frame is not None and not frame.f_code.co_filename.startswith(root):
            frame = frame.f_back
        by = frame.f_code.co_filename[len(root) :] if frame is not None else ""
        if not by or not (is_file_of_the_tests(by) or by in read):
            return
        for name in [args[0]] if event == "open" else list(args[1] or ()):
            path = name.decode(errors="replace") if isinstance(name, bytes) else str(name)
            path = os.path.normpath(os.path.join(root, path))
            if path.startswith(root) and (event != "open" or not _writes(args)) and len(read) < 1000:
                read.add(path[len(root) :])

    def _by_pytest_alone(frame: Any) -> bool:
        if frame.f_code is not teller:
            return False
        while frame.f_code is not first:
            file = frame.f_code.co_filename
            if file.startswith(root) and not is_file_of_the_tests(file[len(root) :]):
                return False
            frame = frame.f_back
            if frame is None:
                return False
        return True

    def _look() -> None:
        if runner and (what := runner[0].broken()):
            emit(k="patched", what=what)
            runner.clear()

    def _loaded(told: dict[str, Any]) -> None:
        runner.append(TamperCheck(told["manager"], own))

    def _broken(told: dict[str, Any]) -> None:
        emit(k="broken", id=told["id"], why=told["why"])

    def _collected(told: dict[str, Any]) -> None:
        everything, items = told["everything"], told["items"]
        # What the project's own options deselected stays out, and so does what was not requested.
        kept = [item for item in items if wanted is None or item.nodeid in wanted]
        if reverse:
            kept.reverse()
        told["items"] = _with_sentinels(_with_twins(kept, twins), sentinels)
        emit(
            k="collected",
            count=len(everything),
            ids=[i.nodeid for i in kept] if wanted is None else [],
            twinned=list(twins),
        )

    def _starts(told: dict[str, Any]) -> None:
        node = told["id"]
        nth = seen.get(node, 0)
        seen[node] = nth + 1
        current.clear()
        current.update(id=node, nth=nth, outcome="passed", why="")
        emit(k="start", id=node, nth=nth)
        if node in deciding and node not in twins:
            _look()
        current["begun"] = clock()

    def _called(told: dict[str, Any]) -> None:
        copies = twins.get(told["id"])
        if copies:
            _look()
        told["fail"] = copies is not None and current["nth"] != copies[1]

    def _worse(told: dict[str, Any]) -> None:
        if told["id"] == current["id"] and rank[told["outcome"]] > rank[current["outcome"]]:
            current.update(outcome=told["outcome"], why=told["why"])

    def _ended(told: dict[str, Any]) -> None:
        emit(
            k="test",
            id=current["id"],
            nth=current["nth"],
            outcome=current["outcome"],
            why=current["why"],
            seconds=round(clock() - current["begun"], 4),
        )

    def _finished(told: dict[str, Any]) -> None:
        _look()
        emit(k="end", status=told["status"], read=sorted(read))

    answers = {
        "loaded": _loaded,
        "broken": _broken,
        "collected": _collected,
        "starts": _starts,
        "called": _called,
        "worse": _worse,
        "ended": _ended,
        "finished": _finished,
    }
    sys.addaudithook(hook)


def _writes(args: Any) -> bool:
    return isinstance(args[1], str) and bool(set(args[1]) & set("wax+"))


def tell_referee(word: str, told: dict[str, Any]) -> None:
    # A signal handler receives the frame that it interrupts, which must not be the referee's.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _ALL_SIGNALS)
    try:
        sys.audit(REFEREE_EVENT, word, told)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


_ALL_SIGNALS = signal.valid_signals()


def _with_twins(items: list[Any], twins: dict[str, Any]) -> list[Any]:
    import pytest

    result, twinned = [], {}
    for item in items:
        result.append(item)
        # unittest's and other items do not run through `pytest_pyfunc_call`
        if item.nodeid in twins and isinstance(item, pytest.Function) and not hasattr(item, "addError"):
            twinned[item.nodeid] = twins[item.nodeid]
            for _ in range(twins[item.nodeid][0] - 1):
                twin = copy.copy(item)
                twin._initrequest()
                result.append(twin)
    twins.clear()
    twins.update(twinned)
    return result


def _with_sentinels(items: list[Any], sentinels: dict[str, str]) -> list[Any]:
    import pytest

    result, placed = [], set()
    for item in items:
        result.append(item)
        path = item.nodeid.split("::")[0]
        module = item.getparent(pytest.Module)
        if path in sentinels and path not in placed and module is not None:
            function = getattr(module.obj, sentinels[path], None)
            if function is not None:
                placed.add(path)
                made = pytest.Function.from_parent(module, name=sentinels[path], callobj=function)
                result.append(_quiet(made))
    return result


def _quiet(item: Any) -> Any:
    """Make an item fail without a traceback, which nobody would read."""
    item.repr_failure = lambda excinfo, style=None: "has to fail"
    return item
