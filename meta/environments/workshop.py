"""Sets up benches: base tree, environment, sandbox and scratch folder in one."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

from meta.disk.cache import Cache
from meta.disk.free_space import guard_free_space
from meta.environments.builder import prune_environments
from meta.environments.environment import build_environment
from meta.errors import MetaError
from meta.project import Report
from meta.records.ticket import EnvironmentSpec, Ticket
from worker_agent.foreign_tree import temporary_folder
from worker_agent.records import Environment
from worker_agent.sandbox.job import Sandbox, SandboxLimits
from worker_agent.workspace import BadBase, Template, Workspace, make_template, open_workspace


@dataclass(frozen=True)
class Bench:
    """One commit of a repository with everything that its code needs to run.

    `limits` caps what each job may use; without it, the sandbox's own limits hold.
    """

    template: Template
    environment: Environment
    sandbox: Sandbox
    scratch: Path
    limits: SandboxLimits | None = None

    @contextlib.contextmanager
    def workspace(self, prefix: str) -> Iterator[Workspace]:
        """Open a fresh workspace in a scratch folder named `prefix…`.

        Both are removed at the end. Raises `OSError` when the disk is full, and `DiskFilled` when what ran in the
        workspace filled it.
        """
        self.scratch.mkdir(parents=True, exist_ok=True)
        with temporary_folder(self.scratch, prefix) as folder:
            workspace = open_workspace(self.template, folder / "workspace")
            with guard_free_space(folder):
                yield workspace


class Workshop:
    """Sets up benches. Safe to share between threads.

    The sandbox is opened when it is first needed: where replays run on other machines, this one may have none.
    """

    def __init__(self, cache: Cache, open_sandbox: Callable[[], Sandbox]) -> None:
        self.cache = cache
        self._open_sandbox, self._opening = open_sandbox, Lock()
        self._sandbox: Sandbox | None = None

    @property
    def sandbox(self) -> Sandbox:
        """The sandbox, opened once."""
        with self._opening:
            if self._sandbox is None:
                self._sandbox = self._open_sandbox()
            return self._sandbox

    def require_sandbox(self) -> None:
        """Open the sandbox now. Raises `MetaError` when this machine has none."""
        _ = self.sandbox

    @contextlib.contextmanager
    def bench(self, repository: Path, base_commit: str, spec: EnvironmentSpec) -> Iterator[Bench]:
        """Set up a bench; its scratch folder is removed at the end.

        Raises `BadBase` when the repository or the commit is missing, `MetaError` when the environment cannot be built.
        """
        template = make_template(repository, base_commit, self.cache.templates)
        environment = self.environment(repository, base_commit, spec)
        scratch = self.cache.scratch()
        with temporary_folder(scratch, "bench-") as folder:
            yield Bench(template, environment, self.sandbox, folder)

    @contextlib.contextmanager
    def ticket_bench(self, ticket: Ticket) -> Iterator[Bench]:
        """Set up the bench of a ticket.

        Raises `MetaError`, which names the ticket, when its base is missing or its environment cannot be built.
        """
        with contextlib.ExitStack() as stack:
            try:
                bench = stack.enter_context(self.bench(Path(ticket.repo), ticket.base_commit, ticket.environment))
            except BadBase as error:
                raise _explain_bad_base(ticket, error) from None
            except MetaError as error:
                raise MetaError(f"ticket {ticket.id}: {error.message}", error.remedy, error.code) from None
            yield bench

    def environment(self, repository: Path, base_commit: str, spec: EnvironmentSpec) -> Environment:
        """Return the environment, built unless it is cached. Raises `MetaError`."""
        return build_environment(spec, repository, base_commit, self.cache.environments)

    def prune_environments(self, megabytes: int, report: Report) -> None:
        """Remove the environments unused for longest until the rest fit.

        Nothing may be running in any of them.
        """
        if removed := prune_environments(self.cache.environments, megabytes):
            report(f"{len(removed)} environments that were not used for long are removed; they are built when needed")


def template_of(ticket: Ticket, cache: Cache) -> Template:
    """Return the ticket's base tree.

    Raises `MetaError`, which names the ticket, when its base is missing.
    """
    try:
        return make_template(Path(ticket.repo), ticket.base_commit, cache.templates)
    except BadBase as error:
        raise _explain_bad_base(ticket, error) from None


def _explain_bad_base(ticket: Ticket, error: BadBase) -> MetaError:
    return MetaError(f"ticket {ticket.id}: {error}", "fetch what is missing, or remove the ticket")
