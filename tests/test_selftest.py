"""`meta selftest`: edits that change nothing, also where they hide their failures."""

from __future__ import annotations

import pytest

from meta.look.measurement_page import selftest_page
from meta.measure.selftest import HIDDEN_SHARES, SelftestWorld, run_selftest
from meta.replay.run import ReplayJob
from tests.desk import Desk
from worker_agent.surface import AgentConfig, Surface


def test_edits_that_hide_their_failures_are_hardly_ever_kept() -> None:
    found = run_selftest(nulls=16, powers=1, tickets=20)
    assert found.hidden is not None
    assert [hidden.share for hidden in found.hidden] == list(HIDDEN_SHARES) == [0.3, 0.6, 1.0]
    for hidden in found.hidden:
        assert hidden.nulls == 16
        assert hidden.low <= hidden.rate == hidden.kept / 16 <= hidden.high
        assert hidden.low <= found.alpha
        assert f"{hidden.share:.0%} hidden" in selftest_page(found)


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_the_world_hides_the_candidates_failures_only(share: float) -> None:
    world = SelftestWorld(0.0, 20, "seed", share)
    ended = {}
    for version, candidate in (("incumbent", None), ("candidate-1", 1)):
        surface = Surface(root=".", config=AgentConfig(), prompts={}, version=version)  # type: ignore[arg-type]
        jobs = [ReplayJob(n, world.tickets[n % 20], surface, "gate", candidate) for n in range(400)]
        ended[version] = [finished.replay.verdict for _, finished in world.executor.run(jobs)]
    assert ended["incumbent"].count("void") == 0
    lost, failed = ended["candidate-1"].count("void"), ended["candidate-1"].count("failed")
    assert lost / (lost + failed) == pytest.approx(share, abs=0.12)
    assert ended["candidate-1"].count("passed") == pytest.approx(ended["incumbent"].count("passed"), abs=60)


def test_the_shares_can_be_chosen_and_are_in_the_json() -> None:
    found = run_selftest(nulls=4, powers=1, tickets=12, hide=[0.25]).to_json()
    (hidden,) = found["hidden"]
    assert hidden["share"] == 0.25
    assert set(hidden) == {"share", "nulls", "kept", "rate", "low", "high"}


def test_a_share_must_make_sense(desk: Desk) -> None:
    code, _, err = desk.meta("selftest", "--real", "--hide", "0.5")
    assert code == 2
    assert "leave out --real or --hide" in err
    assert desk.meta("selftest", "--hide", "1.5")[0] == 2
