"""The strict tier through the real loop: each test's level is fixed when it begins, and counted from runs.db."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from bench.engine import Engine
from bench.growing import Change, World
from meta.errors import MetaError
from meta.gate.gate_record import GateRecord
from meta.gate.presets import StrictTier
from meta.look.audit_page import audit_page
from meta.proposals.audit import audit_proposal
from meta.tune.levels import AlphaLevels
from tests.raw_database import run_raw

SHORT, LARGE = 101, 600
"""Budgets with which a clear gain is shown over several nights, and in one."""


class Clear(World):
    """Tickets that fail but for a fifth; an edit that helps cures all failures of its theme."""

    def __init__(self, tickets: int = 40) -> None:
        super().__init__(1, tickets)
        for place, name in enumerate(self.tickets):
            self.theme[name] = "tests" if place % 2 else "convention"

    def edit(self, kind: str, theme: str) -> int:
        self.changes.append(Change(kind, theme))  # type: ignore[arg-type]
        return len(self.changes) - 1

    def success(self, version: tuple[int, ...], ticket: str) -> float:
        cured = any(self.changes[e].kind == "helps" and self.changes[e].theme == self.theme[ticket] for e in version)
        return 0.95 if cured else 0.05


@pytest.fixture
def made() -> Iterator[list[Engine]]:
    engines: list[Engine] = []
    yield engines
    for engine in engines:
        engine.close()


def begin(made: list[Engine], budget: int = LARGE, tier: str = "strict") -> tuple[Clear, Engine]:
    world = Clear()
    made.append(Engine(world, 1, budget, tier))  # type: ignore[arg-type]
    return world, made[-1]


def levels(engine: Engine) -> list[float]:
    return [test.alpha for test in engine.store.gate_tests.strict_tests()]


def current_sequence(engine: Engine) -> StrictTier:
    return AlphaLevels(engine.store.gate_tests, engine.app.settings.tune).current_sequence()


def record_of(engine: Engine, candidate: int) -> GateRecord:
    found = engine.store.gate_tests.find(candidate)
    assert found
    return found.record


def test_the_first_test_has_a_sixtieth_of_alpha_and_every_kept_one_raises_the_level(made: list[Engine]) -> None:
    world, engine = begin(made)
    kept, _ = engine.night([world.edit("helps", "tests")])
    assert [k.edits for k in kept] == [(0,)]
    engine.night([world.edit("does nothing", "convention")])
    engine.night([world.edit("does nothing", "convention")])
    assert levels(engine) == pytest.approx([0.1 / 60, 0.2 / 60, 0.2 / 60])
    assert current_sequence(engine).tests == 3
    assert current_sequence(engine).kept == 1


def test_what_is_kept_has_reached_the_bound_of_its_own_level(made: list[Engine]) -> None:
    world, engine = begin(made)
    engine.night([world.edit("helps", "tests"), world.edit("helps", "convention")])
    kept = [c for c in engine.store.candidates.all() if c.status == "kept"]
    assert len(kept) == 2
    for candidate, alpha in zip(kept, levels(engine), strict=True):
        record = record_of(engine, candidate.id)
        assert record.config.alpha == pytest.approx(alpha)
        assert record.decision
        assert 2.718281828**record.decision.log_e >= 1 / alpha


def test_a_test_over_several_nights_keeps_its_level_its_tickets_and_its_beliefs(made: list[Engine]) -> None:
    world, engine = begin(made, budget=SHORT)
    engine.night([world.edit("helps", "tests")])
    [candidate] = engine.store.candidates.all()
    assert candidate.status == "testing"
    before = record_of(engine, candidate.id)
    for night in range(8):
        # What is learned meanwhile, and settings that change, belong to other tests.
        engine.reopen(alpha=0.3)
        world.theme[f"new-{night}"] = "tests"
        engine.admit(f"new-{night}")
        if engine.night([])[0]:
            break
    [candidate] = engine.store.candidates.all()
    assert candidate.status == "kept"
    after = record_of(engine, candidate.id)
    assert levels(engine) == pytest.approx([0.1 / 60])
    assert (after.config, after.stale, after.theme) == (before.config, before.stale, before.theme)
    assert after.answers[: len(before.answers)] == before.answers
    assert len(after.answers) > len(before.answers)
    asked = sum(replay.purpose == "gate" for replay in engine.store.replays.of_candidate(candidate.id))
    assert asked
    used = sum(b.arm == "candidate" and b.outcome is not None for p in after.passes for b in p.bets)
    assert asked == used  # nothing was made twice


def test_a_test_over_several_nights_can_be_audited(made: list[Engine]) -> None:
    world, engine = begin(made, budget=SHORT)
    engine.night([world.edit("helps", "tests")])
    for _ in range(8):
        if engine.night([])[0]:
            break
    [proposal] = engine.store.proposals.all()
    told = audit_page(audit_proposal(engine.store, proposal))
    assert "strict tier: alpha 0.001667" in told
    assert "the same outcomes lead to the same requests" in told
    run_raw(engine.store.path, "update strict_tests set alpha = 0.0001")
    with pytest.raises(MetaError, match="was given the level"):
        audit_proposal(engine.store, proposal)


def test_an_audit_finds_an_incumbents_run_that_was_never_made(made: list[Engine]) -> None:
    world, engine = begin(made, tier="standard")
    engine.night([world.edit("helps", "tests")])
    [proposal] = engine.store.proposals.all()
    assert "log W recomputed" in audit_page(audit_proposal(engine.store, proposal))
    run_raw(engine.store.path, "delete from transcripts")
    run_raw(engine.store.path, "delete from replays where purpose = 'gate' and candidate is null")
    with pytest.raises(MetaError, match="with the incumbent that failed"):
        audit_proposal(engine.store, proposal)


def test_a_candidate_tested_again_on_what_was_kept_meanwhile_is_another_test(made: list[Engine]) -> None:
    world, engine = begin(made, budget=SHORT)
    engine.night([world.edit("helps", "tests")])
    [waiting] = [c for c in engine.store.candidates.all() if c.status == "testing"]
    other = world.edit("helps", "convention")
    engine.versions.in_use = f"base+{other}"  # a person merged something else
    engine.night([])
    assert levels(engine) == pytest.approx([0.1 / 60, 0.1 / 60])
    tested = [test for test in engine.store.gate_tests.strict_tests() if test.candidate == waiting.id]
    assert [test.incumbent for test in tested] == ["base", f"base+{other}"]


def test_after_the_horizon_a_new_sequence_begins(made: list[Engine]) -> None:
    world, engine = begin(made)
    engine.night([world.edit("does nothing", "tests")])
    [first] = engine.store.candidates.all()
    for number in range(59):
        engine.store.gate_tests.begin_strict(first.id, f"version {number}", 0.01)
    told: list[str] = []
    engine.reopen(told.append)
    engine.night([world.edit("does nothing", "convention")])
    assert levels(engine)[-1] == pytest.approx(0.1 / 60)
    assert any("starting a new sequence of 60 tests" in line for line in told)


def test_the_standard_tier_counts_nothing(made: list[Engine]) -> None:
    world, engine = begin(made, tier="standard")
    engine.night([world.edit("helps", "tests")])
    assert levels(engine) == []
    assert current_sequence(engine).tests == 0
