"""Whose fault an error in a replay is: void is the machine's alone, and nothing in a replay can bring it about."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from meta.disk.cache import Cache
from meta.environments.workshop import Bench, Workshop
from meta.errors import BudgetSpent, MetaError
from meta.records.replay import Replay
from meta.records.ticket import Ticket
from meta.replay.executor import LocalExecutor
from meta.replay.run import ReplayJob
from meta.workers.own_worker import OwnWorker
from tests.conftest import Make
from tests.desk import DONE, FIX, GOLD, HIDDEN, PROJECT
from tests.messages_server import Answer, error, message, serving, text
from tests.repositories import sandbox
from worker_agent.model import MessagesModel, ModelEndpoint, ModelMisconfigured
from worker_agent.records import Limits, Submission
from worker_agent.sandbox.bubblewrap import Bubblewrap
from worker_agent.sandbox.job import Sandbox
from worker_agent.surface import DEFAULT_ROOT, Surface, load_surface


@dataclass(frozen=True)
class FailingWorker(OwnWorker):
    """Raises an error, and submits the fix for tickets whose id begins with "good"."""

    error: Callable[[], BaseException] = RuntimeError

    def work(self, ticket: Ticket, surface: Surface, bench: Bench, record: Any = None) -> Submission:
        if ticket.id.startswith("good"):
            return Submission(ended="submitted", diff=GOLD, version=surface.version)
        raise self.error()


class Stand:
    """One ticket, and replays of it by a worker that the test chooses."""

    def __init__(self, folder: Path, repository: Path) -> None:
        self.folder, self.repository = folder, repository

    def ticket(self, name: str) -> Ticket:
        return Ticket.model_validate(
            {
                "id": name,
                "title": "Mean of nothing",
                "repo": str(self.repository),
                "base_commit": "HEAD",
                "grader": {
                    "fail_to_pass": ["test_calc.py::test_mean_of_nothing"],
                    "hidden": [{"path": "test_calc.py", "content": HIDDEN.encode()}],
                },
                "gold": GOLD,
                "environment": {"project": False},
            }
        )

    def replay(
        self,
        worker: OwnWorker,
        *names: str,
        surface: Path = DEFAULT_ROOT,
        candidate: int | None = None,
        isolation: Callable[[], Sandbox] = sandbox,
    ) -> list[Replay]:
        workshop = Workshop(Cache(self.folder / "cache"), isolation)
        shown = load_surface(surface)
        jobs = [ReplayJob(key, self.ticket(name), shown, "gate", candidate) for key, name in enumerate(names)]
        done = {job.key: finished.replay for job, finished in LocalExecutor(worker, workshop, 2).run(jobs)}
        return [done[key] for key in range(len(names))]


@pytest.fixture
def stand(tmp_path: Path, make_repo: Make) -> Stand:
    return Stand(tmp_path, make_repo(PROJECT))


@pytest.fixture
def surface(tmp_path: Path) -> Path:
    root = tmp_path / "surface"
    for part in ("prompts", "tools"):
        shutil.copytree(DEFAULT_ROOT / part, root / part, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(DEFAULT_ROOT / "agent.toml", root)
    return root


def failing(error: Callable[[], BaseException]) -> FailingWorker:
    return FailingWorker(MessagesModel(ModelEndpoint("m", "http://127.0.0.1:9", retries=0)), Limits(), error)


def speaking(url: str) -> OwnWorker:
    return OwnWorker(MessagesModel(ModelEndpoint("m", url, retries=0)), Limits(command_seconds=20))


@pytest.mark.parametrize(
    "error",
    [
        lambda: KeyError("x"),
        RecursionError,
        MemoryError,
        lambda: OSError(errno.ENAMETOOLONG, "No space left on device"),
        lambda: OSError("No space left on device"),
        lambda: PermissionError(errno.EACCES, "no"),
        lambda: UnicodeDecodeError("utf-8", b"\xff", 0, 1, "no"),
    ],
)
def test_an_error_that_the_base_does_not_meet_is_the_replays(stand: Stand, error: Callable[[], Exception]) -> None:
    bad, good, worse = stand.replay(failing(error), "bad", "good", "worse")
    assert (bad.verdict, good.verdict, worse.verdict) == ("failed", "passed", "failed")
    assert bad.reason.startswith("not submitted, runtime error: what it did raised")


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EMFILE, errno.ENOMEM, errno.EAGAIN, errno.EIO])
def test_an_error_that_only_a_machine_can_have_is_the_machines(stand: Stand, number: int) -> None:
    bad, good = stand.replay(failing(lambda: OSError(number, os.strerror(number))), "bad", "good")
    assert (bad.verdict, good.verdict) == ("void", "passed")
    assert bad.reason.startswith("this machine: ")


def test_any_error_is_the_machines_where_the_base_meets_one_too(stand: Stand, tmp_path: Path) -> None:
    broken = tmp_path / "bwrap"
    broken.write_text("#!/bin/sh\necho bwrap: no namespaces left\nexit 1\n")
    broken.chmod(0o755)
    (bad,) = stand.replay(failing(RuntimeError), "bad", isolation=lambda: Bubblewrap(str(broken)))
    assert bad.verdict == "void"
    assert "no namespaces left" in bad.reason


@pytest.mark.parametrize("error", [lambda: BudgetSpent("spent"), KeyboardInterrupt, lambda: ModelMisconfigured("no")])
def test_a_real_stop_is_one(stand: Stand, error: Callable[[], BaseException]) -> None:
    with pytest.raises((MetaError, KeyboardInterrupt, ModelMisconfigured)):
        stand.replay(failing(error), "bad", "good")


def answers_m_alone(body: dict[str, Any], number: int) -> Answer:
    if body["model"] != "m":
        return error(404, "not_found_error", "no such model")
    if "Say yes" in str(body["messages"]):
        return message(text("yes"))
    return message(FIX) if len(body["messages"]) == 1 else message(DONE)


def test_a_candidate_that_names_a_model_that_does_not_exist_fails_alone(stand: Stand, surface: Path) -> None:
    (surface / "agent.toml").write_text('model = "gone"\n')
    with serving(answers_m_alone) as served:
        (bad,) = stand.replay(speaking(served.url), "bad", surface=surface, candidate=1)
        with pytest.raises(ModelMisconfigured):
            stand.replay(speaking(served.url), "bad", surface=surface)
    assert (bad.verdict, bad.ended) == ("failed", "request_rejected")


def test_a_version_without_a_tool_or_a_folder_for_them_is_not_void(stand: Stand, surface: Path) -> None:
    shutil.rmtree(surface / "tools")
    (surface / "agent.toml").write_text('protocol = "text"\n')
    with serving(lambda body, number: message(text("Nothing to do."))) as served:
        (bad,) = stand.replay(speaking(served.url), "bad", surface=surface, candidate=1)
    assert bad.verdict == "failed", bad.reason


def test_the_last_error_of_a_run_is_no_end_to_the_others(stand: Stand) -> None:
    errors: Iterator[Exception] = iter([RecursionError(), KeyError("\udcff"), OSError(errno.ELOOP, "\ud800")])
    names = ("good-1", "bad-1", "bad-2", "good-2", "bad-3", "good-3")
    verdicts = [replay.verdict for replay in stand.replay(failing(lambda: next(errors)), *names)]
    assert verdicts == ["passed", "failed", "failed", "passed", "failed", "passed"]
