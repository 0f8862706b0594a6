"""Whatever a worker, a model or a program leaves behind, a replay has a verdict, and no other replay notices."""

from __future__ import annotations

import contextlib
import itertools
import json
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from meta.disk.cache import Cache
from meta.environments.workshop import Bench, Workshop
from meta.records.replay import Replay
from meta.records.ticket import EnvironmentSpec, Grader, HiddenFile, JUnit, Ticket
from meta.replay.executor import LocalExecutor
from meta.replay.replayer import Replayer, ReplayRequest
from meta.store.store import Store
from meta.workers.own_worker import OwnWorker
from tests.hostile import BASE, HONEST, Hostile, hostile, spoken
from tests.messages_server import Answer, message, serving, text
from tests.repositories import Repository
from worker_agent.foreign_tree import remove_tree
from worker_agent.model import MessagesModel, ModelEndpoint
from worker_agent.records import Limits, Submission, Usage
from worker_agent.sandbox.discovery import open_sandbox
from worker_agent.submission_diff import RefusedDiff, take_diff
from worker_agent.surface import DEFAULT_ROOT, Surface, load_surface

SECRET = "of the host\n"
INPUTS = 10_000
MOST_INPUTS = 8


@dataclass(frozen=True)
class HostileWorker(OwnWorker):
    """Does what the input for a ticket says."""

    inputs: Mapping[str, Hostile]

    def work(self, ticket: Ticket, surface: Surface, bench: Bench, record: Any = None) -> Submission:
        wanted = self.inputs[ticket.id]
        if wanted.answers is not None:
            return super().work(ticket, surface, bench, record)
        for event in wanted.events:
            record(event)
        if wanted.error:
            raise wanted.error()
        return self._submit(wanted, surface, bench)

    def _submit(self, wanted: Hostile, surface: Surface, bench: Bench) -> Submission:
        with bench.workspace("work-") as workspace:
            for change in wanted.changes:
                with contextlib.suppress(OSError, ValueError):
                    change(workspace.root)
            try:
                diff = take_diff(workspace) if wanted.diff is None else wanted.diff
            except RefusedDiff as refused:
                return Submission(ended="refused_diff", detail=str(refused), version=surface.version)
        return Submission(
            ended=wanted.ended,
            diff=diff,
            summary=wanted.summary,
            usage=Usage(**wanted.usage),
            version=surface.version,
        )


class Range:
    """A store, an executor of two replays at a time, a service, and a folder of the host's to keep intact."""

    def __init__(self, folder: Path, url: str) -> None:
        self.outside = folder / "outside"
        self._lay_outside()
        repository = Repository(folder, BASE)
        for link in ("aside", "hidden"):
            (repository.path / link).symlink_to("../" * 6 + "outside")
        self.ticket = Ticket(
            id="t",
            title="t",
            repo=str(repository.path),
            base_commit=repository.commit({}, "Links"),
            environment=EnvironmentSpec(project=False),
            grader=Grader(
                fail_to_pass=("a::b",),
                seconds=10,
                hidden=(
                    HiddenFile(path="hidden/file", content=b"ours"),
                    HiddenFile(path="tests/test_hidden.py", content=b"ours"),
                    HiddenFile(path="aside/file", content=None),
                ),
                junit=JUnit(command="sh run.sh", report="report.xml"),
                checks=("existing-tests", "stray-files", "noise", "size", "suppressions"),
            ),
        )
        self.cache = Cache(folder / "cache")
        self.store = Store(folder / "runs.db")
        self.inputs: dict[str, Hostile] = {}
        self.surface = load_surface(DEFAULT_ROOT)
        model = MessagesModel(ModelEndpoint("m", url, retries=0, timeout_seconds=10))
        worker = HostileWorker(model, Limits(turns=3, command_seconds=5, seconds=30), self.inputs)
        self.replayer = Replayer(self.store, LocalExecutor(worker, Workshop(self.cache, open_sandbox), 2))
        self._numbers = itertools.count()

    def answer(self, body: dict[str, Any], number: int) -> Answer:
        """Give the next hostile answer of the conversation, or a plain one outside any."""
        asked = json.dumps(body["messages"])
        for name, wanted in self.inputs.items():
            if f"({name})" in asked and wanted.answers:
                turn = sum(m["role"] == "assistant" for m in body["messages"])
                status, raw = wanted.answers[min(turn, len(wanted.answers) - 1)]
                return status, raw, {}
        return message(text("yes"))

    def throw(self, inputs: list[Hostile]) -> list[Replay]:
        """Replay all of these beside an honest one, and return the replays; the last one is the honest one."""
        self.inputs.clear()
        for given_input in (*inputs, HONEST):
            self.inputs[f"t{next(self._numbers)}"] = given_input
        tickets = [self.ticket.model_copy(update={"id": name, "title": f"({name})"}) for name in self.inputs]
        return self.replayer.run([ReplayRequest(t, self.surface) for t in tickets], "measure", retry_void=False)

    def require_intact(self, replays: list[Replay]) -> None:
        """Check the store, the host's folder and the scratch folder after some replays."""
        for replay in replays:
            stored = self.store.replays.find(replay.id)
            assert (stored.ticket, stored.verdict) == (replay.ticket, replay.verdict)
            stored.model_dump_json().encode()
            json.dumps(self.store.transcripts.of_replay(replay.id), allow_nan=False).encode()
        assert self.store.replays.count_for("measure") >= len(replays)
        assert self.store.replays.cost_of_night(None).calls >= 0
        found = self._look_outside()
        if found != [("file", SECRET, 0o640)]:
            self._lay_outside()  # the next input must not be blamed for it
        assert found == [("file", SECRET, 0o640)]
        assert list(self.cache.scratch().iterdir()) == []

    def _lay_outside(self) -> None:
        remove_tree(self.outside)
        self.outside.mkdir()
        (self.outside / "file").write_text(SECRET)
        (self.outside / "file").chmod(0o640)

    def _look_outside(self) -> list[tuple[str, str, int]]:
        paths = sorted(self.outside.iterdir()) if self.outside.is_dir() else []
        return [(p.name, p.read_text() if p.is_file() else "", p.lstat().st_mode & 0o777) for p in paths]


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Range]:
    made: list[Range] = []
    with serving(lambda body, number: made[0].answer(body, number)) as served:
        made.append(Range(tmp_path_factory.mktemp("range"), served.url))
        yield made[0]


def throw_and_check(target: Range, inputs: list[Hostile]) -> None:
    *replays, honest = target.throw(inputs)
    assert honest.verdict == "passed", honest.reason
    for wanted, replay in zip(inputs, replays, strict=True):
        unanswered = wanted.answers is not None and replay.ended == "model_unavailable"
        assert replay.verdict in (("void",) if unanswered else ("passed", "failed", "tampered")), (wanted, replay)
        assert replay.reason
        assert wanted.error is None or replay.verdict == "failed"
    target.require_intact([*replays, honest])
    assert threading.active_count() < 50


many = st.tuples(
    st.lists(hostile, min_size=MOST_INPUTS - 2, max_size=MOST_INPUTS - 2), st.lists(spoken, min_size=2, max_size=2)
)
common = settings(deadline=None, suppress_health_check=list(HealthCheck), database=None)


@settings(common, max_examples=4, derandomize=True, phases=[Phase.generate])
@given(many)
def test_a_few_hostile_inputs_each_get_a_verdict(target: Range, inputs: tuple[list[Hostile], list[Hostile]]) -> None:
    throw_and_check(target, inputs[0] + inputs[1])


@pytest.mark.slow
@settings(common, max_examples=INPUTS // MOST_INPUTS)
@given(many)
def test_hostile_inputs_by_the_thousand_each_get_a_verdict(
    target: Range, inputs: tuple[list[Hostile], list[Hostile]]
) -> None:
    throw_and_check(target, inputs[0] + inputs[1])
