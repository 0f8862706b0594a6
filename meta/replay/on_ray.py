"""Replays on a Ray cluster. The driver ships what they need, reserves what they may cost, and alone writes anything
down; a node runs them in its own sandbox, with its own key, and sends records back.

Calls on a node cannot ask the driver's purse one by one, so the whole replay's limits are reserved before it is sent.
"""

from __future__ import annotations

import getpass
import tempfile
import uuid
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

import ray
from ray.exceptions import RayError, RayTaskError

from meta.errors import BudgetSpent, MetaError
from meta.records import Replay
from meta.replay.executor import Job
from meta.replay.once import Finished, Setting, replay, template_of
from meta.replay.shipping import Folder, Shipped, landed, surface_folder, template_folder
from meta.spend.purse import Call, Purse
from meta.store.ledger import Asked
from worker_agent.agent import lower
from worker_agent.model import Endpoint, MessagesModel, Model, ModelMisconfigured, Reply, Request
from worker_agent.records import Limits
from worker_agent.sandbox import Sandbox, open_sandbox

AHEAD = 2
"""Replays that are under way for each one that can run: the next is on its node before the last has ended. No more, so
that the driver's memory does not grow with the queue."""


@dataclass(frozen=True)
class NodeSettings:
    """How a node makes replays. The key is not among it: it is read from the node's own environment."""

    endpoint: Endpoint
    sandbox: str
    limits: Limits


@dataclass(frozen=True)
class Returned:
    """What comes back from a node: the replay and its calls, or an error that would meet every other replay too."""

    finished: Finished | None
    calls: tuple[Call, ...] = ()
    error: MetaError | ModelMisconfigured | None = None


Work = Callable[[Shipped, Folder, Folder, NodeSettings], Returned]


def connect(address: str) -> None:
    """Join the cluster. Raises `MetaError` when there is none."""
    if ray.is_initialized():
        return
    try:
        ray.init(address=address, log_to_driver=False, logging_level="ERROR")
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise MetaError(
            f"there is no Ray cluster at {address}: {' '.join(str(error).split())[:200]}",
            "`ray start --head` here or mend replay.ray_address; see docs/nights.md",
        ) from None


class RayExecutor:
    """As many replays at a time as the cluster has processors; each yielded as it comes back."""

    def __init__(
        self,
        node: NodeSettings,
        cache: Path,
        purse: Callable[[], Purse] | None = None,
        night: Callable[[], int | None] = lambda: None,
        work: Work | None = None,
    ) -> None:
        self._node, self._cache, self._purse, self._night = node, cache, purse, night
        self.parallel = max(1, int(ray.cluster_resources().get("CPU", 1)))
        self._remote = ray.remote(num_cpus=1, max_retries=0)(work or on_node)
        self._node_ref = ray.put(node)
        self._folders: dict[str, Any] = {}

    def run(self, jobs: Iterable[Job]) -> Iterator[tuple[Job, Finished]]:
        """Yield `(job, finished)` as they come back. A replay whose node died comes back void."""
        waiting, held = iter(jobs), list[Job]()
        under_way: dict[Any, tuple[Job, Asked | None, int | None]] = {}
        spent: BudgetSpent | None = None
        try:
            while True:
                while not spent and len(under_way) < self.parallel * AHEAD:
                    job = held.pop() if held else next(waiting, None)
                    if job is None:
                        break
                    try:
                        asked, number = self._reserve(job)
                    except BudgetSpent as stop:
                        spent = stop
                        break
                    if asked and number is None:  # others hold what it may cost
                        held.append(job)
                        break
                    under_way[self._send(job)] = (job, asked, number)
                if not under_way:
                    if spent:
                        raise spent
                    return
                [ready, *_], _ = ray.wait(list(under_way), num_returns=1)
                job, asked, number = under_way.pop(ready)
                returned = self._receive(ready, job)
                if asked and number is not None and self._purse:
                    self._purse().settle(number, asked, returned.calls)
                if returned.error:
                    raise returned.error
                assert returned.finished is not None
                yield job, returned.finished
        finally:
            for reference, (_, asked, number) in under_way.items():
                ray.cancel(reference, force=True)
                if asked and number is not None and self._purse:
                    self._purse().abandon(asked)

    def _reserve(self, job: Job) -> tuple[Asked | None, int | None]:
        if self._purse is None:
            return None, None
        limits = lower(self._node.limits, job.surface.config.limits)
        model = job.surface.config.model or self._node.endpoint.model
        priced = model in self._node.endpoint.prices
        asked = Asked(
            role="worker", model=model, tokens=limits.tokens or 0, usd=limits.usd if priced else None,
            night=self._night(), candidate=job.candidate,
        )  # fmt: skip
        return asked, self._purse().take(asked)

    def _send(self, job: Job) -> Any:
        template = template_of(job.ticket, self._cache)
        base = self._ship(template.tree.parent.name, lambda: template_folder(template))
        surface = self._ship(job.surface.version, lambda: surface_folder(job.surface))
        return self._remote.remote(Shipped(job.ticket, job.purpose, job.candidate), base, surface, self._node_ref)

    def _ship(self, name: str, pack: Callable[[], Folder]) -> Any:
        """A folder in the cluster's object store, put there once."""
        if name not in self._folders:
            self._folders[name] = ray.put(pack())
        return self._folders[name]

    def _receive(self, reference: Any, job: Job) -> Returned:
        try:
            returned = ray.get(reference)
        except RayTaskError as error:  # a bug on the node is a bug, not its death
            raise error.as_instanceof_cause() from None
        except RayError as error:
            words = " ".join(str(error).split())[:300]
            return Returned(_void(job, f"the node that ran it died: {type(error).__name__}: {words}"))
        assert isinstance(returned, Returned)
        return returned


def on_node(shipped: Shipped, template: Folder, surface: Folder, node: NodeSettings) -> Returned:
    """Make one replay here. Runs on the node."""
    cache = node_cache()
    calls: list[Call] = []
    try:
        model = Recorded(_model(node.endpoint), calls)
        ticket, shown = landed(shipped.ticket, template, surface, cache)
        setting = Setting(model, _sandbox(node.sandbox), node.limits, cache)
        done = replay(ticket, shown, setting, purpose=shipped.purpose, candidate=shipped.candidate)
    except (MetaError, ModelMisconfigured) as error:
        return Returned(None, tuple(calls), error)
    return Returned(done, tuple(calls))


def node_cache() -> Path:
    """Where a node keeps templates, surfaces and environments. It can be deleted whenever no replay runs."""
    return Path(tempfile.gettempdir()) / f"meta-node-{getpass.getuser()}"


@lru_cache(maxsize=4)
def _sandbox(name: str) -> Sandbox:
    return open_sandbox(name)


_models: dict[str, MessagesModel] = {}


def _model(endpoint: Endpoint) -> Model:
    """One client a process and endpoint."""
    return _models.setdefault(repr(endpoint), MessagesModel(endpoint))


class Recorded:
    """A model that keeps what each call used, for the driver's ledger."""

    def __init__(self, inner: Model, calls: list[Call]) -> None:
        self._inner, self._calls = inner, calls

    def ask(self, request: Request) -> Reply:
        call = Call()
        self._calls.append(call)
        return call.ask(self._inner, request)


def _void(job: Job, reason: str) -> Finished:
    return Finished(
        Replay(
            id=uuid.uuid4().hex,
            ticket=job.ticket.id,
            version=job.surface.version,
            purpose=job.purpose,
            verdict="void",
            reason=reason,
            ended="sandbox_failed",
            candidate=job.candidate,
            started_at=datetime.now(UTC).isoformat(timespec="milliseconds"),
        ),
        (),
    )
