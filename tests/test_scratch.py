"""Workspaces lie in memory where there is room, and never stay there."""

from __future__ import annotations

import contextlib
import itertools
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from meta.disk import scratch
from meta.disk.scratch import MEMORY_FOLDER, close_scratch, open_scratch

OTHER = """
import os, signal, sys
from pathlib import Path
from meta.disk import scratch
scratch.WORKSPACE_MB = 0
def linked(link, target):
    print(target, flush=True)
    if sys.argv[2] == "dies before the link":
        os.kill(os.getpid(), signal.SIGKILL)
    sys.stdin.read()
Path.symlink_to = linked
scratch.open_scratch(Path(sys.argv[1]), 1)
"""


class Other:
    """Another process that has made its folder in memory and not yet the link to it."""

    def __init__(self, cache: Path, then: str) -> None:
        words = [sys.executable, "-c", OTHER, str(cache), then]
        self.process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout
        self.folder = Path(self.process.stdout.readline().strip())
        assert self.folder.parent == MEMORY_FOLDER

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate()


def test_what_a_killed_process_left_is_gone_at_the_next_start(tmp_path: Path) -> None:
    first = open_scratch(tmp_path, 1).resolve()
    (first / "left").mkdir()
    second = open_scratch(tmp_path, 1)
    assert list(second.iterdir()) == []
    assert not (first / "left").exists()


def test_nothing_stays_in_memory(tmp_path: Path) -> None:
    where = open_scratch(tmp_path, 1).resolve()
    close_scratch(tmp_path)
    assert not where.exists()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("least", [0, 1 << 40], ids=["in memory", "on the disk"])
def test_nothing_stays_though_replays_that_were_cut_off_still_write_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, least: int
) -> None:
    monkeypatch.setattr(scratch, "WORKSPACE_MB", least)
    path, over = open_scratch(tmp_path, 1), threading.Event()
    where = path.resolve()

    def write() -> None:
        for number in itertools.count():
            if over.is_set():
                return
            with contextlib.suppress(OSError):
                (path / "replay").mkdir(exist_ok=True)
                (path / "replay" / str(number)).mkdir()
                (path / "replay" / str(number) / "file").touch()

    writer = threading.Thread(target=write)
    writer.start()
    time.sleep(0.2)
    close_scratch(tmp_path)
    left = [p for p in (where, *where.parent.glob(f"{where.name}*"), *tmp_path.iterdir()) if p.exists()]
    over.set()
    writer.join()
    assert not left


def test_without_room_it_is_a_folder_on_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scratch, "WORKSPACE_MB", 1 << 40)
    assert open_scratch(tmp_path, 1).resolve() == tmp_path.resolve() / "scratch"


def test_a_link_that_leads_elsewhere_is_not_followed(tmp_path: Path) -> None:
    precious = tmp_path / "home"
    (precious / "thesis").mkdir(parents=True)
    cache = tmp_path / "cache"
    cache.mkdir()
    (cache / "scratch").symlink_to(precious)
    open_scratch(cache, 1)
    close_scratch(cache)
    assert (precious / "thesis").is_dir()


@pytest.mark.skipif(not MEMORY_FOLDER.is_dir(), reason="no file system in memory")
def test_a_folder_that_no_link_names_goes_when_its_process_was_killed_and_not_before(tmp_path: Path) -> None:
    killed, working = Other(tmp_path / "a", "dies before the link"), Other(tmp_path / "b", "works on")
    try:
        assert killed.process.wait(10) == -9
        (working.folder / "replay").mkdir()
        open_scratch(tmp_path / "c", 1)
        assert not killed.folder.exists()
        assert (working.folder / "replay").is_dir()
        working.kill()
        own = open_scratch(tmp_path / "d", 1).resolve()
        assert not working.folder.exists()
        assert own.is_dir()
        assert (tmp_path / "c" / "scratch").resolve().is_dir()
    finally:
        killed.kill()
        working.kill()
        close_scratch(tmp_path / "c")
        close_scratch(tmp_path / "d")
