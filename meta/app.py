"""What a command works with: settings, runs.db, the agent's versions, and, once they are needed, models and replays."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from meta.disk.cache import HALF_MADE_PATTERNS, remove_path
from meta.disk.scratch import close_scratch, open_scratch
from meta.errors import MetaError
from meta.project import Report, ignore_report
from meta.settings import Settings
from meta.settings_file import load_settings
from meta.store.writer_lock import hold_writer_lock

if TYPE_CHECKING:
    from meta.gateway.call_budget import CallBudget
    from meta.replay.executor import Executor
    from meta.replay.run import ReplaySetting
    from meta.store.store import Store
    from meta.surfaces.versions import GitVersions
    from worker_agent.model import Model
    from worker_agent.sandbox.job import Sandbox


@dataclass
class Context:
    """Parts are made when first used, so that a command that only reads starts fast."""

    settings: Settings
    tell: Report = ignore_report
    night: int | None = None
    unanswered: list[str] = field(default_factory=list, repr=False)
    """Tickets of the newest replays, as far as these ended without an answer of the model's service."""
    _executor: Executor | None = field(default=None, repr=False)
    _limit: Callable[[Executor], Executor] | None = field(default=None, repr=False)

    @cached_property
    def store(self) -> Store:
        from meta.store.store import Store

        return Store(self.settings.database)

    @cached_property
    def versions(self) -> GitVersions:
        from meta.surfaces.versions import GitVersions

        return GitVersions(self.settings.agent_repository, self.settings.worker.surface, self.settings.cache)

    @cached_property
    def sandbox(self) -> Sandbox:
        from worker_agent.sandbox.discovery import open_sandbox
        from worker_agent.sandbox.job import SandboxUnavailable

        try:
            sandbox = open_sandbox(self.settings.replay.sandbox)
        except SandboxUnavailable as error:
            raise MetaError(str(error), "`meta doctor` looks at this machine") from None
        if sandbox.name == "none":
            self.tell("WARNING: no sandbox. What the worker runs, runs as you, with your network and your files.")
        return sandbox

    @cached_property
    def purse(self) -> CallBudget:
        """Writes model calls down; without caps unless a night sets some."""
        from meta.gateway.call_budget import CallBudget

        return CallBudget(self.store.ledger)

    @cached_property
    def worker_model(self) -> Model:
        return self.model("worker")

    @cached_property
    def proposer_model(self) -> Model:
        return self.model("proposer")

    def model(self, role: str) -> Model:
        """A model whose calls are in the ledger under `role`: worker, proposer, cause, checks. All but the worker's
        are the proposer's model."""
        from meta.gateway.metered_model import MeteredModel
        from worker_agent.model import MessagesModel, ModelMisconfigured

        endpoint = self.settings.worker_endpoint() if role == "worker" else self.settings.proposer_endpoint()
        try:
            asked = MessagesModel(endpoint)
            return MeteredModel(
                asked, lambda: self.purse, role, endpoint.model, self.settings.prices, lambda: self.night
            )
        except ModelMisconfigured as error:
            raise MetaError(
                str(error),
                "`export ANTHROPIC_API_KEY=...`, or set worker.base_url in meta.toml; `meta demo` needs neither",
            ) from None

    @cached_property
    def setting(self) -> ReplaySetting:
        from meta.replay.run import ReplaySetting

        replay = self.settings.replay
        return ReplaySetting(self.worker_model, self.sandbox, replay.limits, self.settings.cache)

    def close(self) -> None:
        """Close runs.db, if it was opened."""
        if "store" in self.__dict__:
            self.store.close()

    @property
    def executor(self) -> Executor:
        if self._executor is None:
            self._executor = self._chosen_executor()
        if self._limit is not None:
            self._executor, self._limit = self._limit(self._executor), None
        return self._executor

    def _chosen_executor(self) -> Executor:
        replay = self.settings.replay
        if replay.executor == "ray":
            from meta.replay.ray_executor import NodeSettings, RayExecutor, connect_ray

            connect_ray(replay.ray_address)
            node = NodeSettings(self.settings.worker_endpoint(), replay.sandbox, replay.limits)
            return RayExecutor(node, self.settings.cache, lambda: self.purse, lambda: self.night)
        from meta.replay.executor import LocalExecutor

        return LocalExecutor(self.setting, replay.parallel)

    def limit_executor(self, limit: Callable[[Executor], Executor]) -> None:
        """Put something between the loop and its executor, once it is there."""
        self._limit = limit


@contextlib.contextmanager
def open_readonly(root: Path, tell: Report = ignore_report) -> Iterator[Context]:
    """A context for a command that only reads."""
    context = Context(load_settings(root), tell)
    try:
        yield context
    finally:
        context.close()


@contextlib.contextmanager
def open_writable(
    root: Path, doing: str, tell: Report = ignore_report, settings: Settings | None = None
) -> Iterator[Context]:
    """A context for the one command that may write. What a killed run left lying about is cleared away first.

    Raises `MetaError` (exit code 3) when another `meta` is at work here.
    """
    context = Context(settings or load_settings(root), tell)
    cache = context.settings.cache
    with hold_writer_lock(context.settings.database, doing):
        for pattern in HALF_MADE_PATTERNS:
            for half_made in cache.glob(pattern):
                remove_path(half_made)
        # Whatever makes a temporary file in this process makes it where the next start clears it away.
        before, tempfile.tempdir = tempfile.tempdir, str(open_scratch(cache, context.settings.replay.parallel))
        try:
            yield context
        finally:
            context.close()
            close_scratch(cache)
            tempfile.tempdir = before
