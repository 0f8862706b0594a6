"""The second sandbox: a container engine. Skipped, with its words, where none can run a container."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from bench.cheats.all import ATTACKS, outcome
from bench.cheats.ours import Judge
from bench.cheats.shop import CALC, RIGHT
from meta.doctor.breakout import try_breakouts
from worker_agent.sandbox.container import Container, open_container
from worker_agent.sandbox.discovery import open_sandbox
from worker_agent.sandbox.job import SandboxUnavailable

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def container() -> Iterator[Container]:
    try:
        yield open_container("podman")
    except SandboxUnavailable as why:
        pytest.skip(str(why))


def test_no_way_out_of_a_container_is_open(container: Container) -> None:
    assert [attempt.what for attempt in try_breakouts(container) if not attempt.held] == []


def test_a_container_grades_as_bubblewrap_does(container: Container) -> None:
    with Judge(container) as judge:
        assert judge.passes(CALC, {"calc.py": RIGHT})
        assert not judge.passes(CALC, {})
        for attack in ATTACKS:
            if attack.name in ("equal to anything", "os._exit", "network", "a daemon"):
                assert not outcome(attack, judge).scored


def test_an_unknown_sandbox_is_refused_with_the_names_of_those_that_are_known() -> None:
    with pytest.raises(SandboxUnavailable, match="bubblewrap, podman, docker, none"):
        open_sandbox("chroot")
