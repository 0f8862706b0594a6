"""`meta nightly` as a process: told to stop, killed, started twice. The stand-in answers; all else is real."""

from __future__ import annotations

import re
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from bench.faults.running import Running, count_survivors, descendants, find_leftovers, kill, open_runs, read_verdicts
from bench.faults.service import Service, serve_faults
from bench.small_house import small_house
from meta.demo.folders import DemoFolders


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> DemoFolders:
    house = small_house(tmp_path_factory.mktemp("house") / "house", tickets=3, waiting=0, replays=5, timeout=60.0)
    settings = house.agent / "meta.toml"
    settings.write_text(re.sub(r"\[\[repositories\]\][^[]*", "", settings.read_text()))  # nothing to ingest
    return house


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    with serve_faults(1) as service:
        yield service


def until(seen: Callable[[], object], seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not seen():
        assert time.monotonic() < end
        time.sleep(0.02)


def stage(house: DemoFolders) -> str:
    with open_runs(house) as db:
        return str(db.execute("select stage from nights order by id desc limit 1").fetchone())


def test_a_night_is_stopped_killed_and_started_twice_and_loses_nothing(
    house: DemoFolders, service: Service, tmp_path: Path
) -> None:
    temporary = tmp_path / "tmp"
    asked: list[Any] = []
    over = threading.Event()

    def silent(to: Any, request: dict[str, Any]) -> None:
        asked.append(request)
        over.wait(60)

    service.trouble = silent
    first = Running(house, service.url, temporary=temporary)
    until(lambda: asked)
    assert "tune" in stage(house)
    second = Running(house, service.url, temporary=temporary)
    assert second.wait(30) == 3
    assert f"`meta nightly`, process {first.pid} on" in second.words()
    first.process.send_signal(signal.SIGTERM)
    begun = time.monotonic()
    assert first.wait(20) == 130
    assert time.monotonic() - begun < 10  # it does not wait for the answer
    assert "the same command resumes" in first.words()
    assert not find_leftovers(house, temporary, over=False)

    over.set()
    service.settled()
    service.trouble = None
    killed = Running(house, service.url, temporary=temporary)
    until(lambda: read_verdicts(house))
    below = descendants(killed.pid)
    kill(killed.pid)
    killed.process.wait()
    seen = read_verdicts(house)
    assert count_survivors(below) == 0
    service.settled()
    begun_before = service.begun

    last = Running(house, service.url, temporary=temporary)
    assert last.wait(300) in (0, 4), last.words()
    assert "which was interrupted" in last.words()
    now = read_verdicts(house)
    assert {name: now.get(name) for name in seen} == seen
    assert service.begun - begun_before == len(now) - len(seen)  # nothing that was finished is made again
    assert not find_leftovers(house, temporary)
    with open_runs(house) as db:
        assert db.execute("select count(*) from nights").fetchone() == (1,)
