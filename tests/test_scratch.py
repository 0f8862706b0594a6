"""Workspaces lie in memory where there is room, and never stay there."""

from __future__ import annotations

from pathlib import Path

import pytest

from meta import scratch
from meta.scratch import close_scratch, open_scratch


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
