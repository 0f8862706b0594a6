"""The engine as it runs at night, with a worker whose verdicts are random.

Loop, store, screen, pool and gate are real. Versions are kept in memory rather than in git, whose cost does not affect
what is kept; the proposer proposes the world's edits. Each morning, a person accepts what was proposed.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from bench.growing import Kept, World
from bench.growing import Version as Edits
from meta.app import App
from meta.project import Project, Report, ignore_report
from meta.records.candidate import Edit, EditDraft
from meta.records.ticket import Admission, Grader, Ticket
from meta.replay.simulated import SimulatedExecutor
from meta.settings import Settings
from meta.store.store import Store
from meta.surfaces.versions import Changes, Version
from meta.tune.loop import tune
from meta.tune.propose.evidence import ProposerEvidence
from worker_agent.records import Usage
from worker_agent.surface import AgentConfig, Surface


class InMemory:
    """What the loop needs of `GitVersions`, in memory.

    A commit is its history: "base", "base+3", "base+3+17&21".
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self.in_use = "base"

    def head(self) -> Version:
        return self.at(self.in_use)

    def at(self, revision: str) -> Version:
        commit = revision[:-1].rpartition("+")[0] if revision.endswith("^") else revision
        return Version(commit, Surface(root=self._root, config=AgentConfig(), prompts={}, version=commit))

    def lay_out(self, parent: Version, changes: Changes) -> Surface:
        return self._with(parent, changes).surface

    def commit(self, parent: Version, changes: Changes, message: str, ref: str = "") -> Version:
        return self._with(parent, changes)

    def _with(self, parent: Version, changes: Changes) -> Version:
        return self.at(f"{parent.commit}+{'&'.join(str(text) for text in changes.values())}")

    def carry_over(self, before: str, after: str, onto: Version) -> Changes | None:
        """Return the changes, or `None` if `onto` already has one of the edits."""
        numbers = edits_of(f"+{after.rpartition('+')[2]}")
        return None if set(numbers) & set(edits_of(onto.commit)) else as_changes(numbers)

    def branch(self, name: str, commit: str) -> None:
        """Do nothing: proposals need no branch here."""


class FromWorld:
    """A proposer: the world's edits of tonight, with their themes."""

    def __init__(self, world: World, edits: Sequence[int]) -> None:
        self._world, self._edits = world, edits
        self.usage = Usage()
        self.model: str | None = "simulated"

    def propose(self, evidence: ProposerEvidence, surface: dict[str, str], most: int) -> Sequence[EditDraft]:
        made = []
        for number in self._edits:
            theme = self._world.changes[number].theme
            edit = Edit(title=f"edit {number}", themes=(theme,), changes=as_changes((number,)))
            made.append(EditDraft(edit.title, edit))
        return made

    def revise(self, draft: EditDraft, objection: str) -> EditDraft | None:
        return None


def edits_of(version: str) -> Edits:
    return tuple(int(number) for part in version.split("+")[1:] for number in part.split("&"))


def as_changes(edits: Edits) -> Changes:
    return {f"prompts/{number}.md": f"{number}" for number in edits}


class Engine:
    """`meta` through many nights, in a temporary folder that `close` removes."""

    def __init__(
        self,
        world: World,
        seed: int,
        budget: int,
        tier: Literal["standard", "strict"] = "standard",
        parallel: int = 1,
        suggestions: int = 0,
    ) -> None:
        self.world = world
        self._folder = tempfile.TemporaryDirectory(prefix="nights-")
        root = Path(self._folder.name)
        self.versions = InMemory(root)
        settings = Settings.model_validate(
            {
                "root": root,
                "tune": {"replays": budget, "tier": tier},
                "replay": {"parallel": parallel},
                "search": {"suggestions": suggestions},
            }
        )
        self._executor = SimulatedExecutor(self._success, seed, parallel)
        self.app = self._open(Project(settings))
        for name in world.tickets:
            self.admit(name)

    def _success(self, version: str, ticket: str) -> float:
        return self.world.success(edits_of(version), ticket)

    def _open(self, project: Project) -> App:
        app = App(project, executor=self._executor, history=self.versions)
        app.store.skip_disk_sync()
        return app

    def reopen(self, report: Report = ignore_report, **tune: object) -> None:
        """Continue with other settings in [tune], and send progress to `report`."""
        settings = self.app.settings
        self.app.close()
        changed = settings.tune.model_copy(update=tune)
        self.app = self._open(Project(settings.model_copy(update={"tune": changed}), report))

    @property
    def store(self) -> Store:
        return self.app.store

    def admit(self, name: str) -> None:
        """Add an admitted ticket, held out like every new one."""
        labels = (self.world.theme[name],)
        ticket = Ticket(id=name, title=name, repo="-", base_commit="-", labels=labels, grader=Grader())
        self.store.tickets.add(ticket)
        self.store.tickets.record_admission(ticket, Admission(ticket=name, status="admitted"))

    @property
    def incumbent(self) -> Edits:
        return edits_of(self.versions.in_use)

    def night(self, edits: Sequence[int]) -> tuple[list[Kept], int]:
        """Run one night with these new edits, and the morning after it.

        Returns what was kept, and the replays it took.
        """
        done = tune(self.app.open_tuning(FromWorld(self.world, edits)))
        kept = []
        for proposal in done.proposals:
            self.store.proposals.decide(proposal, "accepted", merge_commit=proposal.commit_id)
            before, new = edits_of(proposal.base_commit), edits_of(proposal.commit_id)
            kept.append(Kept(new[len(before) :], before))
            self.versions.in_use = proposal.commit_id
        return kept, done.replays

    def close(self) -> None:
        self.app.close()
        self._folder.cleanup()
