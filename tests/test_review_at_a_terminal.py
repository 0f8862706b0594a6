"""A person at a real terminal goes through what is pending."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.test_night import GOOD, House, Scripted, edit


@pytest.fixture
def house(tmp_path: Path) -> House:
    """A house with one pending proposal."""
    house = House(tmp_path / "agent")
    assert house.tune(Scripted(edit("Rules first", GOOD, "convention"))).proposals
    return house


def at_terminal(house: House, *answers: str) -> str:
    """Run `meta propose` on a terminal of its own, answer as it asks, and return all that was on the screen."""
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "meta", "-C", str(house.root), "propose"]
    process = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, close_fds=True)
    os.close(theirs)
    screen, waiting, deadline = "", list(answers), time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            screen += os.read(ours, 65536).decode()
        except OSError:  # the other end is closed: it has ended
            break
        if waiting and screen.rstrip().endswith(("[s]:", "it):")):
            os.write(ours, waiting.pop(0).encode() + b"\n")
            time.sleep(0.2)
    assert process.wait(20) == 0, screen
    return screen


def status(house: House) -> list[tuple[str, str]]:
    return [(p.status, p.reason) for p in house.app().store.proposals.all()]


def test_accept_merges(house: House) -> None:
    screen = at_terminal(house, "a")
    assert "Proposal 1: Rules first" in screen
    assert "merged as" in screen
    assert status(house) == [("accepted", "")]
    assert GOOD in (house.root / "worker_agent" / "prompts" / "system.md").read_text()


def test_reject_asks_for_the_reason_and_remembers_it(house: House) -> None:
    screen = at_terminal(house, "r", "the linter does this now")
    assert "rejected, and remembered" in screen
    assert status(house) == [("rejected", "the linter does this now")]


def test_skip_leaves_it_pending(house: House) -> None:
    at_terminal(house, "s")
    assert status(house) == [("pending", "")]


def test_accept_with_changes_of_ones_own_in_the_way_says_so_and_asks_again(house: House) -> None:
    prompt = house.root / "worker_agent" / "prompts" / "system.md"
    prompt.write_text("mine\n")
    screen = at_terminal(house, "a", "s")
    assert "your own changes" in screen
    assert prompt.read_text() == "mine\n"
    assert status(house) == [("pending", "")]
