"""Replays on a local Ray cluster. Slow: starting one takes seconds."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from meta.disk.cache import Cache
from meta.environments.workshop import Workshop
from meta.gateway.call_budget import CallBudget, SpendingCaps
from meta.records.replay import Replay
from meta.records.ticket import Ticket
from meta.replay.executor import LocalExecutor
from meta.replay.run import FinishedReplay, ReplayJob
from meta.store.store import Store
from meta.workers.own_worker import OwnWorker
from tests.conftest import Make
from tests.desk import DONE, FIX, GOLD, HIDDEN, PROJECT
from tests.messages_server import Served, serving
from worker_agent.model import MessagesModel, ModelEndpoint
from worker_agent.records import Limits
from worker_agent.sandbox.discovery import open_sandbox
from worker_agent.surface import DEFAULT_ROOT, Surface, load_surface

ray = pytest.importorskip("ray")
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def cluster() -> Iterator[None]:
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, object_store_memory=100 << 20)
    yield
    ray.shutdown()


@pytest.fixture
def surface(tmp_path: Path) -> Surface:
    root = tmp_path / "surface"
    for part in ("prompts", "tools"):
        shutil.copytree(DEFAULT_ROOT / part, root / part, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(DEFAULT_ROOT / "agent.toml", root)
    return load_surface(root)


def ticket(project: Path) -> Ticket:
    grader = {
        "fail_to_pass": ["test_calc.py::test_mean_of_nothing"],
        "pass_to_pass": ["test_calc.py::test_mean"],
        "hidden": [{"path": "test_calc.py", "content": HIDDEN.encode()}],
    }
    return Ticket.model_validate(
        {
            "id": "mean",
            "title": "Mean of nothing",
            "body": "It should be 0.",
            "repo": str(project),
            "base_commit": "HEAD",
            "grader": grader,
            "gold": GOLD,
            "environment": {"project": False},
        }
    )


def answer(body: dict[str, object], number: int) -> dict[str, object]:
    return FIX if len(body["messages"]) == 1 else DONE  # type: ignore[arg-type]


def test_a_cluster_gives_the_records_that_this_machine_gives(
    cluster: None, make_repo: Make, surface: Surface, tmp_path: Path
) -> None:
    from meta.replay.ray_executor import NodeSettings, RayExecutor

    wanted = ticket(make_repo(PROJECT))
    jobs = [ReplayJob(key, wanted, surface, "measure", candidate=key) for key in range(4)]
    store = Store(tmp_path / "runs.db")
    budget = CallBudget(store.calls, SpendingCaps(tokens=50_000_000), night=1)

    def essence(done: Iterator[tuple[ReplayJob, FinishedReplay]]) -> list[object]:
        changing = {"id", "seconds", "grading_seconds", "started_at"}
        return sorted((job.key, f.replay.model_dump_json(exclude=changing), len(f.events)) for job, f in done)

    with serving(answer) as served:
        endpoint = ModelEndpoint("m", served.url, retries=0)
        node = NodeSettings(endpoint, "bubblewrap", Limits())
        far = essence(RayExecutor(node, Cache(tmp_path / "c1"), budget).run(jobs))
        worker = OwnWorker(MessagesModel(endpoint), Limits())
        near = essence(LocalExecutor(worker, Workshop(Cache(tmp_path / "c2"), open_sandbox), 2).run(jobs))
        assert isinstance(served, Served)
    assert far == near
    assert '"verdict":"passed"' in str(far[0])
    calls = store.calls.all()
    assert len(calls) == 8
    assert {call.ended for call in calls} == {"answered"}
    assert budget.spent.tokens == 8 * 15


def test_a_node_that_dies_makes_its_replays_void(
    cluster: None, make_repo: Make, surface: Surface, tmp_path: Path
) -> None:
    from meta.replay.ray_executor import NodeResult, NodeSettings, RayExecutor

    marker = tmp_path / "died"

    def dies_once(shipped: object, template: object, surface: object, node: object) -> NodeResult:
        if not marker.exists():
            marker.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        replay = Replay(
            id="r", ticket="mean", version="v", purpose="gate", verdict="passed", reason="", ended="submitted"
        )
        return NodeResult(FinishedReplay(replay, ()))

    wanted = ticket(make_repo(PROJECT))
    node = NodeSettings(ModelEndpoint("m", "http://127.0.0.1:9"), "none", Limits())
    executor = RayExecutor(node, Cache(tmp_path / "cache"), work=dies_once)
    first = [f.replay for _, f in executor.run([ReplayJob(0, wanted, surface, "gate")])]
    again = [f.replay for _, f in executor.run([ReplayJob(0, wanted, surface, "gate")])]
    assert [r.verdict for r in first] == ["void"]
    assert "node that ran it died" in first[0].reason
    assert [r.verdict for r in again] == ["passed"]
