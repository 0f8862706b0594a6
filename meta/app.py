"""The composition root: builds what a command or a night needs from its project.

Properties are built once, when first used; methods build anew for their arguments. Only commands, the demo, tests and
benches import this module. Everything below it is handed the one to four parts that it uses.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING

from meta.disk.scratch import close_scratch, open_scratch
from meta.errors import MetaError
from meta.project import Project, Report, ignore_report
from meta.settings import Settings
from meta.settings_file import load_settings
from meta.store.writer_lock import hold_writer_lock

if TYPE_CHECKING:
    from meta.environments.workshop import Workshop
    from meta.forges.github.delivery import IssueDelivery
    from meta.gateway.call_budget import SpendingCaps
    from meta.gateway.models import Models
    from meta.nights.deadline import Deadline
    from meta.nights.night import NightParts
    from meta.records.account import Night
    from meta.records.ticket import Ticket
    from meta.replay.executor import Executor
    from meta.replay.replayer import Replayer
    from meta.store.store import Store
    from meta.surfaces.versions import GitVersions, VersionHistory
    from meta.tune.loop import Tuning
    from meta.tune.propose.edit_check import EditCheck
    from meta.tune.propose.proposer import Proposer
    from meta.workers.own_worker import OwnWorker
    from worker_agent.records import Submission
    from worker_agent.sandbox.job import Sandbox


class App:
    """One project with its services.

    `executor` runs its replays and `history` keeps its versions; the settings decide on both unless they are given.
    Each part is imported when it is first used, so that a command that only reads starts fast.
    """

    def __init__(
        self, project: Project, *, executor: Executor | None = None, history: VersionHistory | None = None
    ) -> None:
        self.project, self._executor, self._history = project, executor, history
        self._open = contextlib.ExitStack()

    def close(self) -> None:
        """Close runs.db if it is open."""
        self._open.close()

    @property
    def settings(self) -> Settings:
        return self.project.settings

    @property
    def report(self) -> Report:
        return self.project.report

    @cached_property
    def store(self) -> Store:
        from meta.store.store import Store

        store = Store(self.project.database)
        self._open.callback(store.close)
        return store

    @cached_property
    def versions(self) -> GitVersions:
        from meta.surfaces.versions import GitVersions

        return GitVersions(self.project.agent_repository, self.settings.worker.surface, self.settings.cache)

    @property
    def history(self) -> VersionHistory:
        """`versions`, unless a simulation was given."""
        return self._history or self.versions

    @cached_property
    def sandbox(self) -> Sandbox:
        from worker_agent.sandbox.discovery import open_sandbox
        from worker_agent.sandbox.job import SandboxUnavailable

        try:
            sandbox = open_sandbox(self.settings.replay.sandbox)
        except SandboxUnavailable as error:
            raise MetaError(error.message, error.remedy or "run `meta doctor` to check this machine") from None
        if sandbox.name == "none":
            self.report(
                "WARNING: no sandbox. Whatever the worker runs has your permissions, your network and your files."
            )
        return sandbox

    def models(self, night: Night | None = None, caps: SpendingCaps | None = None) -> Models:
        """Return models whose calls are recorded for `night`.

        Without `caps`, calls are recorded but not limited.
        """
        from meta.gateway.call_budget import CallBudget
        from meta.gateway.models import Models

        return Models(self.settings, CallBudget(self.store.calls, caps, night.id if night else None))

    @cached_property
    def workshop(self) -> Workshop:
        from meta.environments.workshop import Workshop

        return Workshop(self.project.cache, lambda: self.sandbox)

    def worker(self, models: Models) -> OwnWorker:
        """Return the coding agent, with its model from `models`."""
        from meta.workers.own_worker import OwnWorker

        return OwnWorker(models.worker(), self.settings.replay.limits)

    def executor(self, models: Models) -> Executor:
        """Return where replays run, with the worker's model from `models`."""
        replay, cache = self.settings.replay, self.project.cache
        if self._executor is not None:
            return self._executor
        if replay.executor == "ray":
            from meta.replay.ray_executor import NodeSettings, RayExecutor, connect_ray

            connect_ray(replay.ray_address)
            node = NodeSettings(self.settings.worker_endpoint(), replay.sandbox, replay.limits)
            return RayExecutor(node, cache, models.budget)
        from meta.replay.executor import LocalExecutor

        return LocalExecutor(self.worker(models), self.workshop, replay.parallel)

    def replayer(self, night: Night | None = None, executor: Executor | None = None) -> Replayer:
        """Return what runs replays and records them for `night`.

        Their cost is not limited unless `executor` limits it.
        """
        from meta.replay.replayer import Replayer

        return Replayer(self.store, executor or self.executor(self.models(night)), night)

    def issue_delivery(self) -> IssueDelivery:
        """Return what works on issues with the agent in use, and opens pull requests."""
        from meta.forges.github.delivery import IssueDelivery
        from meta.workers.assignment import submit_change

        def submit(ticket: Ticket) -> Submission:
            worker, surface = self.worker(self.models()), self.versions.head().surface
            return submit_change(ticket, surface, worker, self.workshop, self.report)

        return IssueDelivery(self.project, self.versions, submit)

    def night_parts(self, until: str = "", deadline: Deadline | None = None) -> NightParts:
        """Return what an unattended night works with.

        runs.db is checked and backed up first. The night ends at `deadline`, or else at the next `until`, which the
        settings give unless it is passed.
        """
        from meta.gateway.call_budget import SpendingCaps
        from meta.nights.deadline import Deadline, DeadlineExecutor
        from meta.nights.night import NightParts
        from meta.nights.patience import OutagePatience
        from meta.nights.tuning import admit_and_tune
        from meta.nights.upkeep import check_and_back_up

        nightly = self.settings.nightly
        by = deadline or Deadline.next_time(until or nightly.until)
        check_and_back_up(self.store, self.report)
        night = self.store.nights.resume_or_open(self.settings.tune.replays)
        if night.resumed:
            self.report(f"resuming night {night.id}, which was interrupted")
        models = self.models(night, SpendingCaps(nightly.usd, nightly.tokens))

        def open_tuning() -> Tuning:
            return self.tuning(night, models=models, executor=DeadlineExecutor(self.executor(models), by))

        return NightParts(
            night=night,
            project=self.project,
            store=self.store,
            versions=self.versions,
            workshop=self.workshop,
            models=models,
            tune=partial(admit_and_tune, self.project, self.store, self.workshop, self.history, open_tuning),
            deadline=by,
            patience=OutagePatience(nightly.patience_minutes * 60, by.sleep, self.report),
        )

    def proposer(self, models: Models) -> Proposer:
        """Return the proposer that meta.toml names."""
        style = self.settings.proposer.style
        if style == "agent":
            from meta.tune.propose.editing_agent import EditingAgent

            return EditingAgent(models.proposer(), self.sandbox, self.project.cache.scratch())
        if style == "sentence":
            from meta.tune.propose.one_sentence import OneSentence

            return OneSentence(models.proposer())
        from meta.tune.propose.rewrite import Rewrite

        return Rewrite(models.proposer())

    @cached_property
    def edit_check(self) -> EditCheck:
        from meta.tune.propose.edit_check import EditCheck
        from meta.tune.propose.tool_trial import ToolTrial

        tools = ToolTrial(lambda: self.sandbox, self.project.cache)
        return EditCheck(self.store, self.history, self.settings, tools)

    def tuning(
        self,
        night: Night,
        *,
        models: Models | None = None,
        executor: Executor | None = None,
        proposer: Proposer | None = None,
    ) -> Tuning:
        """Return what the tuning of `night` works with.

        The proposer and the executor use `models` unless they are given.
        """
        from meta.tune.budget import ReplayBudget, preset_of_settings
        from meta.tune.bundle import Bundles
        from meta.tune.gate_runner import GateRunner
        from meta.tune.incumbent import Promotions
        from meta.tune.levels import AlphaLevels
        from meta.tune.loop import Tuning
        from meta.tune.propose.collection import EditCollection
        from meta.tune.screen import ScreenRace
        from meta.tune.search.suggestions import SearchStudy

        store, history, settings, report = self.store, self.history, self.settings, self.report
        models = models or self.models(night)
        proposer = proposer or self.proposer(models)
        replayer = self.replayer(night, executor or self.executor(models))
        preset = preset_of_settings(settings.tune)
        gate = replace(preset.gate, parallel=settings.replay.parallel * 2)
        levels = AlphaLevels(store.gate_tests, settings.tune, report)
        budget = ReplayBudget(store.replays, night.id, settings.tune.replays)
        return Tuning(
            night=night,
            store=store,
            history=history,
            replayer=replayer,
            promotions=Promotions(store, history, settings.worker_endpoint().model),
            edits=EditCollection(store, proposer, self.edit_check, settings.proposer.edits, report),
            study=SearchStudy(store, history, self.edit_check, settings, report),
            race=ScreenRace(replayer, store.replays, preset.screen_runs, settings.search.doubling, report),
            bundles=Bundles(store, history, self.edit_check, report),
            gate=GateRunner(store, replayer, gate, levels, budget, report),
            budget=budget,
            preset=preset,
            report=report,
        )

    def open_tuning(self, proposer: Proposer | None = None) -> Tuning:
        """Open a night, or resume an interrupted one, and return what its tuning needs."""
        night = self.store.nights.resume_or_open_tuning(self.settings.tune.replays)
        if night.resumed:
            self.report(f"resuming night {night.id}, which was interrupted")
        return self.tuning(night, proposer=proposer)


@contextlib.contextmanager
def open_readonly(root: Path, report: Report = ignore_report) -> Iterator[App]:
    """Open the app for a command that only reads."""
    app = App(Project(load_settings(root), report))
    with contextlib.closing(app):
        yield app


@contextlib.contextmanager
def open_writable(
    root: Path, doing: str, report: Report = ignore_report, settings: Settings | None = None
) -> Iterator[App]:
    """Open the app for a command that writes; only one may do so at a time.

    What a killed run left behind is removed first. Raises `MetaError` (exit code 3) if another `meta` is writing here.
    """
    project = Project(settings or load_settings(root), report)
    cache = project.cache
    with hold_writer_lock(project.database, doing):
        cache.remove_half_made()
        # Temporary files of this process go where the next start removes them.
        before, tempfile.tempdir = tempfile.tempdir, str(open_scratch(cache.root, project.settings.replay.parallel))
        try:
            with contextlib.closing(App(project)) as app:
                yield app
        finally:
            close_scratch(cache.root)
            tempfile.tempdir = before
