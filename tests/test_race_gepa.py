"""The race against GEPA: both racers use the same world, and the world knows who really gained."""

from __future__ import annotations

import json
import sys

import pytest

from bench import race_gepa as bench

pytest.importorskip("gepa")


def test_both_racers_keep_to_the_list_of_edits_and_about_to_the_budget() -> None:
    world = bench.world_of(3, 10, nulls=False)
    for run in (bench.run_meta, bench.run_gepa):
        finish = run(world, 3, 200)
        assert set(finish.version) <= set(range(10))
        assert len(set(finish.version)) == len(finish.version)
        assert 0 < finish.replays <= 200 + bench.TICKETS  # GEPA looks at its budget between rounds


def test_gepa_is_the_package_itself_and_the_same_seed_runs_the_same() -> None:
    world = bench.world_of(1, 8, nulls=False)
    assert bench.run_gepa(world, 5, 150) == bench.run_gepa(world, 5, 150)
    assert "gepa" in sys.modules


def test_in_the_a_a_race_nothing_is_true_that_is_claimed() -> None:
    heats = [bench.heat((bench.RACES[1], racer, 2, 200, 10, 0)) for racer in bench.RACERS]
    for finish, gain, useless in heats:
        assert gain == 0.0
        assert useless == len(finish.version)


def test_the_command_prints_one_json_document(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    small = ["--seeds", "1", "--budget", "120", "--edits", "4", "--processes", "1"]
    monkeypatch.setattr(sys, "argv", ["race_gepa", "--json", *small])
    bench.main()
    result = json.loads(capsys.readouterr().out)
    assert [(r["race"], r["racer"]) for r in result["rows"]] == [(a, b) for a in bench.RACES for b in bench.RACERS]
    assert bench.table(result)
