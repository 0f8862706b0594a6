"""`meta ingest-feedback` as a process that is killed in the middle of GitHub's pages, and started again."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from meta.store.store import Store
from tests.github.server import Fault, GitHubServer, Request, github
from tests.github.world import pull


def start(folder: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "meta", "-C", str(folder), "ingest-feedback", "--source", "github"],
        cwd=folder,
        env={**os.environ, "GITHUB_TOKEN": "x"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )


def stored(folder: Path) -> list[int]:
    store = Store(folder / "runs.db")
    try:
        return [outcome.number for outcome in store.outcomes.all()]
    finally:
        store.close()


def places(server: GitHubServer) -> list[str | None]:
    """Where in the list each page that was asked for begins."""
    return [r.body["variables"]["after"] for r in server.queries if "query Listed" in r.body["query"]]


@pytest.mark.parametrize("last", [4, 9])
def test_a_killed_ingest_goes_on_from_the_stored_page_and_loses_and_doubles_nothing(tmp_path: Path, last: int) -> None:
    with github(pulls=[pull(n) for n in range(1, 121)]) as server:
        (tmp_path / "meta.toml").write_text(
            f'[github]\nbase_url = "{server.url}"\n[agent]\nauthors = ["robo[bot]"]\n'
            '[[repositories]]\npath = "nowhere"\nname = "team/app"\n'
        )
        running: list[subprocess.Popen[bytes]] = []

        def kill(request: Request) -> Fault | None:
            if len(server.requests) < last:
                return None
            os.kill(running[0].pid, signal.SIGKILL)
            return Fault(500)

        server.faults = kill
        running.append(start(tmp_path))
        assert running[0].wait(60) == -signal.SIGKILL
        before, pages = stored(tmp_path), len(set(places(server)))
        assert 0 < len(before) < 120

        asked = len(server.requests)
        server.faults = lambda request: None
        again = start(tmp_path)
        said, _ = again.communicate(timeout=60)
        assert again.returncode == 0, said.decode()
        assert Counter(stored(tmp_path)) == Counter(range(1, 121))
        second = server.requests[asked].body["variables"]["after"]
        assert second == places(server)[pages - 1]  # the page that was not finished, and not the first one again
        assert (second is None) == (pages == 1)
