"""What a command works with: settings, runs.db, the agent's versions, and, once they are needed, models and replays."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from meta.errors import MetaError
from meta.scratch import close_scratch, open_scratch
from meta.settings import Settings, load
from meta.store.lock import only_writer

if TYPE_CHECKING:
    from meta.replay.executor import Executor
    from meta.replay.once import Setting
    from meta.spend.purse import Purse
    from meta.store.store import Store
    from meta.versions import Versions
    from worker_agent.model import Model
    from worker_agent.sandbox import Sandbox

HALF_MADE = ("*/.making-*", "environments/.export-*", "environments/specs/.making-*")
"""What a killed process leaves in the cache."""

Tell = Callable[[str], None]
"""Receives one line of progress for a person."""


def silent(line: str) -> None:
    """Tells nobody."""


@dataclass
class Context:
    """Parts are made when first used, so that a command that only reads starts fast."""

    settings: Settings
    tell: Tell = silent
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
    def versions(self) -> Versions:
        from meta.versions import Versions

        return Versions(self.settings.agent_repository, self.settings.worker.surface, self.settings.cache)

    @cached_property
    def sandbox(self) -> Sandbox:
        from worker_agent.sandbox import SandboxUnavailable, open_sandbox

        try:
            sandbox = open_sandbox(self.settings.replay.sandbox)
        except SandboxUnavailable as error:
            raise MetaError(str(error), "`meta doctor` looks at this machine") from None
        if sandbox.name == "none":
            self.tell("WARNING: no sandbox. What the worker runs, runs as you, with your network and your files.")
        return sandbox

    @cached_property
    def purse(self) -> Purse:
        """Writes model calls down; without caps unless a night sets some."""
        from meta.spend.purse import Purse

        return Purse(self.store.ledger)

    @cached_property
    def worker_model(self) -> Model:
        return self.model("worker")

    @cached_property
    def proposer_model(self) -> Model:
        return self.model("proposer")

    def model(self, role: str) -> Model:
        """A model whose calls are in the ledger under `role`: worker, proposer, cause, checks. All but the worker's
        are the proposer's model."""
        from meta.spend.metered import Metered
        from worker_agent.model import MessagesModel, ModelMisconfigured

        endpoint = self.settings.worker_endpoint() if role == "worker" else self.settings.proposer_endpoint()
        try:
            asked = MessagesModel(endpoint)
            return Metered(asked, lambda: self.purse, role, endpoint.model, self.settings.prices, lambda: self.night)
        except ModelMisconfigured as error:
            raise MetaError(
                str(error),
                "`export ANTHROPIC_API_KEY=...`, or set worker.base_url in meta.toml; `meta demo` needs neither",
            ) from None

    @cached_property
    def setting(self) -> Setting:
        from meta.replay.once import Setting

        replay = self.settings.replay
        return Setting(self.worker_model, self.sandbox, replay.limits, self.settings.cache)

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
            from meta.replay.on_ray import NodeSettings, RayExecutor, connect

            connect(replay.ray_address)
            node = NodeSettings(self.settings.worker_endpoint(), replay.sandbox, replay.limits)
            return RayExecutor(node, self.settings.cache, lambda: self.purse, lambda: self.night)
        from meta.replay.executor import LocalExecutor

        return LocalExecutor(self.setting, replay.parallel)

    def limit_executor(self, limit: Callable[[Executor], Executor]) -> None:
        """Put something between the loop and its executor, once it is there."""
        self._limit = limit


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


@contextlib.contextmanager
def reading(root: Path, tell: Tell = silent) -> Iterator[Context]:
    """A context for a command that only reads."""
    context = Context(load(root), tell)
    try:
        yield context
    finally:
        context.close()


@contextlib.contextmanager
def writing(root: Path, doing: str, tell: Tell = silent, settings: Settings | None = None) -> Iterator[Context]:
    """A context for the one command that may write. What a killed run left lying about is cleared away first.

    Raises `MetaError` (exit code 3) when another `meta` is at work here.
    """
    context = Context(settings or load(root), tell)
    cache = context.settings.cache
    with only_writer(context.settings.database, doing):
        for pattern in HALF_MADE:
            for half_made in cache.glob(pattern):
                _remove(half_made)
        # Whatever makes a temporary file in this process makes it where the next start clears it away.
        before, tempfile.tempdir = tempfile.tempdir, str(open_scratch(cache, context.settings.replay.parallel))
        try:
            yield context
        finally:
            context.close()
            close_scratch(cache)
            tempfile.tempdir = before
