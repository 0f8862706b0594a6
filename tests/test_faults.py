"""A few of the nights that `python -m bench.faults` breaks by the hundred. Slow: real nights with real replays."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    "arguments",
    [["--kills", "5", "--only", "kills"], ["--only", "person"], ["--only", "service", "--faults", "529,cut stream"]],
)
def test_a_broken_night_loses_nothing_and_the_next_one_goes_on(arguments: list[str]) -> None:
    command = [sys.executable, "-m", "bench.faults", *arguments, "--seconds", "3", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=900, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(done.stdout.splitlines()[-1])["ok"]
