"""Runs pytest inside the sandbox and reports each test to the process outside.

The code under test runs in the same process, so everything that decides is kept out of its reach, in `referee.py`;
the orders are read and their pipe is closed before any code of the repository is imported.

Orders (JSON on standard input, up to its end):

    fd          number of the pipe that takes the reports, or its path
    key         hex; the reports' MAC is HMAC-SHA256(key, "<sequence>:<payload>"), its first 32 hex digits
    args        arguments for pytest
    wanted      node ids to keep, or null for all that is collected
    twins       {node id: [copies, which of them is the real test]}
    trace       note which files of the workspace the tests import or open
    sentinels   {file: name of the function in it that must fail}
    alarms      audit events that code of the repository, its tests apart, may not raise
    seconds     time limit of one test
    reverse     run the tests in reverse order

Reports (one line each, "<mac> <payload>"): hello, collected, broken, start, test, patched, end; they are described in
`meta.languages.python.report_pipe`.
"""

from __future__ import annotations

import importlib.util
import json
import os
import sys

import referee  # type: ignore[import-not-found]
import reporter  # type: ignore[import-not-found]
import tamper_check  # type: ignore[import-not-found]


def run_inside() -> int:
    """Read the orders, run pytest, and return its exit code; 70 without pytest."""
    orders = json.loads(sys.stdin.buffer.read())
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    if importlib.util.find_spec("pytest") is None:
        sys.stderr.write(f"pytest is not installed in {sys.prefix}\n")
        return 70
    pipe = orders["fd"]
    emit = referee.open_channel(
        os.open(pipe, os.O_WRONLY) if isinstance(pipe, str) else pipe, bytes.fromhex(orders["key"])
    )
    emit(k="hello", python=sys.version.split()[0])
    import pytest

    reporter.mark_hooks()
    args, plugin = orders["args"], reporter.Reporter(float(orders["seconds"]))
    own = (referee, reporter, tamper_check, reporter.Reporter, sys.modules["__main__"])
    referee.install_referee(orders, emit, run_inside.__code__, own)
    # The repository may have modules of these names.
    for module in (referee, reporter, tamper_check):
        del sys.modules[module.__name__]
    # This folder does not belong on the path. The repository's root does, as with `python -m pytest`, but last, so
    # that a file in it does not stand in for a module of the environment.
    sys.path[:] = [*sys.path[1:], os.getcwd()]
    del orders, emit, own
    return int(pytest.main(args, plugins=[plugin]))


if __name__ == "__main__":
    status = run_inside()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)  # threads that the tests left behind must not keep the verdict waiting
