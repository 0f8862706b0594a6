"""Runs replays on a Ray cluster.

The driver ships what they need, reserves what they may cost, and alone writes anything down. A node runs them in its
own sandbox, with its own key, and sends records back. Calls on a node cannot ask the driver's budget one by one, so the
whole replay's limits are reserved before it is sent.
"""

from __future__ import annotations

import getpass
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import ray
from ray.exceptions import RayError, RayTaskError

from meta.disk.cache import Cache
from meta.environments.workshop import Workshop, template_of
from meta.errors import BudgetSpent, MetaError
from meta.gateway.call_budget import CallBudget, CallInFlight
from meta.records.replay import MACHINE_FAULT
from meta.replay.ray_shipping import (
    PackedFolder,
    Shipment,
    pack_surface,
    pack_template,
    unpack_surface,
    unpack_ticket,
)
from meta.replay.run import FinishedReplay, ReplayJob, end_replay, run_replay
from meta.store.calls import PlannedCall
from meta.workers.own_worker import OwnWorker
from worker_agent.agent import tighter_limits
from worker_agent.model import MessagesModel, Model, ModelEndpoint, ModelMisconfigured, ModelReply, ModelRequest
from worker_agent.records import Limits
from worker_agent.sandbox.discovery import open_sandbox
from worker_agent.sandbox.job import Sandbox
from worker_agent.surface import BadSurface

REPLAYS_AHEAD = 2
"""Replays sent ahead for each one that can run, so that the next is on its node before the last has ended. No more, so
that the driver's memory does not grow with the queue."""


@dataclass(frozen=True)
class NodeSettings:
    """How a node makes replays. The key is read from the node's own environment."""

    endpoint: ModelEndpoint
    sandbox: str
    limits: Limits


@dataclass(frozen=True)
class NodeResult:
    """What comes back from a node: the replay and its calls, or an error.

    The error is one that would meet every other replay too; `fault` is what is wrong with this version alone.
    """

    finished: FinishedReplay | None
    calls: tuple[CallInFlight, ...] = ()
    error: MetaError | ModelMisconfigured | None = None
    fault: str = ""


NodeWork = Callable[[Shipment, PackedFolder, PackedFolder, NodeSettings], NodeResult]


def connect_ray(address: str) -> None:
    """Join the cluster. Raises `MetaError` if it cannot be reached."""
    if ray.is_initialized():
        return
    try:
        ray.init(address=address, log_to_driver=False, logging_level="ERROR")
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise MetaError(
            f"cannot reach a Ray cluster at {address}: {' '.join(str(error).split())[:200]}",
            "run `ray start --head` here, or correct replay.ray_address; see docs/nights.md",
        ) from None


class RayExecutor:
    """Makes as many replays at a time as the cluster has processors."""

    def __init__(
        self,
        node: NodeSettings,
        cache: Cache,
        budget: CallBudget | None = None,
        work: NodeWork | None = None,
    ) -> None:
        self._node, self._cache, self._budget = node, cache, budget
        self.parallel = max(1, int(ray.cluster_resources().get("CPU", 1)))
        self._remote = ray.remote(num_cpus=1, max_retries=0)(work or replay_on_node)
        self._node_ref = ray.put(node)
        self._folders: dict[str, Any] = {}

    def run(self, jobs: Iterable[ReplayJob]) -> Iterator[tuple[ReplayJob, FinishedReplay]]:
        """Yield `(job, finished)` as they come back; void if the node died."""
        waiting, held = iter(jobs), list[ReplayJob]()
        under_way: dict[Any, tuple[ReplayJob, PlannedCall | None, int | None]] = {}
        spent: BudgetSpent | None = None
        try:
            while True:
                while not spent and len(under_way) < self.parallel * REPLAYS_AHEAD:
                    job = held.pop() if held else next(waiting, None)
                    if job is None:
                        break
                    try:
                        asked, number = self._reserve(job)
                    except BudgetSpent as stop:
                        spent = stop
                        break
                    if asked and number is None:  # others have reserved the money it may cost
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
                if asked and number is not None and self._budget:
                    self._budget.settle(number, asked, returned.calls)
                if returned.error:
                    raise returned.error
                assert returned.finished is not None
                yield job, returned.finished
        finally:
            for reference, (_, asked, number) in under_way.items():
                ray.cancel(reference, force=True)
                if asked and number is not None and self._budget:
                    self._budget.forfeit(asked)

    def _reserve(self, job: ReplayJob) -> tuple[PlannedCall | None, int | None]:
        if self._budget is None:
            return None, None
        limits = tighter_limits(self._node.limits, job.surface.config.limits)
        model = job.surface.config.model or self._node.endpoint.model
        priced = model in self._node.endpoint.prices
        asked = PlannedCall(
            role="worker",
            model=model,
            tokens=limits.tokens or 0,
            usd=limits.usd if priced else None,
            night=self._budget.night,
            candidate=job.candidate,
        )
        return asked, self._budget.reserve(asked)

    def _send(self, job: ReplayJob) -> Any:
        template = template_of(job.ticket, self._cache)
        base = self._ship(template.tree.parent.name, lambda: pack_template(template))
        surface = self._ship(job.surface.version, lambda: pack_surface(job.surface))
        return self._remote.remote(Shipment(job.ticket, job.purpose, job.candidate), base, surface, self._node_ref)

    def _ship(self, name: str, pack: Callable[[], PackedFolder]) -> Any:
        """Put a folder into the cluster's object store, once."""
        if name not in self._folders:
            self._folders[name] = ray.put(pack())
        return self._folders[name]

    def _receive(self, reference: Any, job: ReplayJob) -> NodeResult:
        try:
            returned = ray.get(reference)
        except RayError as error:  # a task of ours returns what it raises, so no replay can bring this about
            words = " ".join(str(error).split())
            if isinstance(error, RayTaskError):
                return NodeResult(
                    end_replay(job, "void", f"{MACHINE_FAULT} its node cannot run replays: {words[-300:]}")
                )
            reason = f"the node that ran it died: {type(error).__name__}: {words[:300]}"
            return NodeResult(end_replay(job, "void", reason))
        assert isinstance(returned, NodeResult)
        return NodeResult(end_replay(job, "failed", returned.fault)) if returned.fault else returned


def replay_on_node(shipped: Shipment, template: PackedFolder, surface: PackedFolder, node: NodeSettings) -> NodeResult:
    """Make one replay on the node that this runs on."""
    cache = find_node_cache()
    calls: list[CallInFlight] = []
    try:
        model = RecordingModel(_connect_once(node.endpoint), calls)
        ticket, shown = unpack_ticket(shipped.ticket, template, cache), unpack_surface(surface, cache)
        sandbox = _open_sandbox_once(node.sandbox)  # here, so that a node without one is an error and not a void
        job = ReplayJob(0, ticket, shown, shipped.purpose, shipped.candidate)
        done = run_replay(job, OwnWorker(model, node.limits), Workshop(cache, lambda: sandbox))
    except (MetaError, ModelMisconfigured) as error:
        return NodeResult(None, tuple(calls), error)
    except BadSurface as bad:
        return NodeResult(None, fault=str(bad))
    return NodeResult(done, tuple(calls))


def find_node_cache() -> Cache:
    """Return where a node keeps templates, surfaces and environments.

    It can be deleted whenever no replay runs.
    """
    return Cache(Path(tempfile.gettempdir()) / f"meta-node-{getpass.getuser()}")


@lru_cache(maxsize=4)
def _open_sandbox_once(name: str) -> Sandbox:
    return open_sandbox(name)


_models: dict[str, MessagesModel] = {}


def _connect_once(endpoint: ModelEndpoint) -> Model:
    """Return one client for each process and endpoint."""
    return _models.setdefault(repr(endpoint), MessagesModel(endpoint))


class RecordingModel:
    """Records what each call of a model used, for the driver's ledger."""

    def __init__(self, inner: Model, calls: list[CallInFlight]) -> None:
        self._inner, self._calls = inner, calls

    def ask(self, request: ModelRequest) -> ModelReply:
        call = CallInFlight()
        self._calls.append(call)
        return call.ask(self._inner, request)
