"""What a night can show is said before it spends anything, and when that is nothing, what would help."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path

import pytest
from typer.testing import CliRunner

from bench.engine import Engine
from bench.growing import World
from meta.cli.entry import app
from meta.look.outlook_page import outlook_page
from meta.records.ticket import Admission
from meta.replay.replayer import ReplayRequest
from meta.tune.outlook import NightOutlook, forecast_night


def outlook_of(engine: Engine) -> NightOutlook:
    return forecast_night(engine.store, engine.app.settings, engine.versions.head)


def of(tickets: int, budget: int, tier: str = "standard", nights: int = 0, theme: str = "") -> NightOutlook:
    world = World(3, tickets)
    if theme:
        world.theme = dict.fromkeys(world.theme, theme)
    with closing(Engine(world, 3, budget, tier)) as engine:  # type: ignore[arg-type]
        for _ in range(nights):
            engine.night([])
        before = len(engine.store.replays.all())
        found = outlook_of(engine)
        assert len(engine.store.replays.all()) == before  # nothing was spent
        assert engine.store.gate_tests.strict_tests() == []
    return found


def test_larger_gains_are_kept_more_often_and_the_smallest_detectable_one_is_named() -> None:
    found = of(50, 200)
    small, middle, large = found.chances
    assert small.power < middle.power < large.power
    assert large.power >= 0.8
    assert found.detectable in (0.05, 0.10, 0.20)
    assert "kept about" in "\n".join(outlook_page(found))


def test_money_is_told_where_past_replays_had_a_price() -> None:
    assert of(50, 200).chances[0].usd is None
    found = of(50, 200, nights=1)
    assert found.usd_per_replay == pytest.approx(0.01)
    assert found.chances[2].usd == pytest.approx(found.chances[2].replays * 0.01)
    assert "$" in "\n".join(outlook_page(found))


def test_a_budget_too_small_for_anything_is_called_so_with_what_would_do() -> None:
    found = of(16, 30, "strict")
    assert found.detectable is None
    told = "\n".join(outlook_page(found))
    assert "no gain that an edit is likely to bring can be told from luck" in told
    assert "replays a night" in "\n".join(found.advice)


def test_the_strict_tier_is_simulated_at_its_next_level() -> None:
    standard, strict = of(50, 200), of(50, 200, "strict")
    assert strict.alpha == pytest.approx(0.1 / 60)
    assert strict.chances[1].power < standard.chances[1].power


def test_few_tickets_mean_nothing_about_tickets_to_come() -> None:
    assert any("about these tickets only" in line for line in of(9, 200).advice)


def test_a_theme_that_only_search_tickets_have_is_named() -> None:
    world = World(3, 40)
    world.theme = dict.fromkeys(world.theme, "tests")
    with closing(Engine(world, 3, 200)) as engine:
        outlook_of(engine)  # divides the tickets
        search = engine.store.tickets.for_search()[0]
        other = search.model_copy(update={"labels": ("convention",)})
        engine.store.tickets.record_admission(other, Admission(ticket=search.id, status="admitted"))
        assert any("no held-out ticket is about convention" in line for line in outlook_of(engine).advice)


def test_worn_out_tickets_are_mentioned() -> None:
    with closing(Engine(World(3, 40), 3, 200)) as engine:
        outlook_of(engine)
        for _ in range(20):
            engine.store.tickets.count_decision(ticket.id for ticket in engine.store.tickets.held_out())
        assert any("have served 20 decisions or more" in line for line in outlook_of(engine).advice)


def test_an_agent_that_passes_nearly_everything_needs_harder_tickets() -> None:
    class Easy(World):
        def success(self, version: tuple[int, ...], ticket: str) -> float:
            return 1.0

    with closing(Engine(Easy(3, 30), 3, 200)) as engine:
        base = engine.versions.head().surface
        engine.app.replayer().run(
            [ReplayRequest(t, base) for t in engine.store.tickets.all() for _ in range(20)], "measure"
        )
        assert any("add tickets that it fails" in line for line in outlook_of(engine).advice)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_without_tickets_it_says_what_to_do(folder: Path) -> None:
    done = CliRunner().invoke(app, ["outlook", "--json"])
    assert done.exit_code == 3
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["tested"] == 0
    assert "meta tickets mine" in found["advice"][0]
