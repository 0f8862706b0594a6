"""`make demo` as a person and as a program see it, and the README's account of it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.slow  # a minute and a half of both processors; `make demo` runs the same

README = Path(__file__).parents[1] / "README.md"


@dataclass(frozen=True)
class Demo:
    """A finished demo: its folder, the story that it told, and its last line."""

    root: Path
    story: str
    result: dict[str, Any]

    def meta(self, *arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "meta", "-C", str(self.root / "agent"), *arguments],
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout

    def git(self, *arguments: str) -> str:
        done = subprocess.run(
            ["git", "-C", str(self.root / "agent"), *arguments], capture_output=True, text=True, check=True
        )
        return done.stdout


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    root = tmp_path_factory.mktemp("demo") / "kept"
    done = subprocess.run(
        [sys.executable, "-m", "meta", "demo", "--json", "--keep", str(root)],
        capture_output=True,
        text=True,
        check=False,
        timeout=1200,
    )
    assert done.returncode == 0, done.stderr
    return Demo(root, done.stderr, json.loads(done.stdout.splitlines()[-1]))


def test_the_demo_keeps_what_helps_and_refuses_what_does_not(demo: Demo) -> None:
    assert demo.result.keys() == {"kept", "refused", "success_before", "success_after", "seconds"}
    assert demo.result["kept"] == ["Read CONTRIBUTING.md first"]
    assert sorted(demo.result["refused"]) == ["Double-check the work", "Keep to one file"]
    assert demo.result["success_after"] > demo.result["success_before"]


def test_the_demo_says_in_words_why_it_refused(demo: Demo) -> None:
    lines = demo.story.splitlines()
    looks_good = next(line for line in lines if line.startswith("  Double-check the work: "))
    assert re.search(r"screened out; 0 of \d+ replays passed", looks_good)
    trades = next(line for line in lines if line.startswith("  Keep to one file: "))
    assert re.search(r"on tickets of its theme \d+ of \d+ passed .* on tickets of other themes \d+ of \d+", trades)


def test_what_was_kept_was_merged_and_can_be_looked_at(demo: Demo) -> None:
    assert "CONTRIBUTING.md" in demo.git("show", "meta/proposal-1")
    assert "CONTRIBUTING.md" in (demo.root / "agent/worker_agent/prompts/system.md").read_text()
    assert demo.git("status", "--porcelain") == ""
    assert "accepted" in demo.meta("proposals", "show", "1")
    assert "accepted" in demo.meta("proposals", "list")
    assert "20 admitted" in demo.meta("status")


def test_the_decision_can_be_recomputed_from_the_record(demo: Demo) -> None:
    assert "the same outcomes lead to the same requests" in demo.meta("proposals", "show", "1", "--audit")


def test_the_readme_shows_what_the_demo_prints(demo: Demo) -> None:
    block = re.search(r"<!-- demo -->\n```text\n(.*?)```\n<!-- /demo -->", README.read_text(), re.DOTALL)
    assert block, "the README has no account of the demo"
    printed = {_shape(line) for line in demo.story.splitlines()}
    shown = [line for line in block[1].splitlines() if line.strip() and line.strip() != "[...]"]
    assert len(shown) > 20
    assert [line for line in shown if _shape(line) not in printed] == []


def _shape(line: str) -> str:
    """A line without what differs between runs: hashes, figures, and how a long line was cut."""
    return re.sub(r"\d+", "N", re.sub(r"\b[0-9a-f]{7,40}\b", "H", line.rstrip()))
